"""Microseconds that the middleware adds to a request: request IDs, logging, metrics, limits.

    python tests/benchmarks/request_overhead.py [--requests 20000] [--repeats 7]

No server and no socket, so that nothing else is in the figures; log lines go to a file. The best of the repeats counts:
everything slower is another process's doing.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import timeit
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parents[2]))

from service.logs import RequestLines, open_log
from service.metrics.metrics import Metrics
from service.middleware.admission import InFlight, Limits
from service.middleware.request_log import RequestLog
from service.runtime.draining import Draining
from service.scoring.prediction_ids import time_ordered_id

BOUNDS = [i / 20 for i in range(1, 21)]
HEADERS = [
    (b"host", b"127.0.0.1:8000"),
    (b"user-agent", b"python-httpx/0.28"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"gzip, deflate"),
    (b"connection", b"keep-alive"),
    (b"content-type", b"application/json"),
    (b"content-length", b"400"),
]


async def bare(scope, receive, send):
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b"{}"})


async def receive():
    return {"type": "http.request", "body": b"{}", "more_body": False}


async def send(_message):
    pass


async def serve(app, n_requests):
    for number in range(n_requests):
        await app({"type": "http", "method": "POST", "path": "/v1/credit/score", "headers": HEADERS}, receive, send)
        if number % 16 == 0:
            await asyncio.sleep(0)  # a turn of the loop, in which lines are written


def best(run, n, repeats):
    """Microseconds for one of n."""
    return min(timeit.repeat(run, number=1, repeat=repeats)) / n * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    n, repeats = arguments.requests, arguments.repeats
    with tempfile.TemporaryFile("w") as file:
        log, metrics, loop = open_log(file), Metrics(), asyncio.new_event_loop()
        served_models = {"credit": SimpleNamespace(actions=["score"])}
        under_way = InFlight(
            max_requests=500,
            max_keyless=50,
            max_bytes=2**28,
            body_seconds=10,
            request_seconds=60,
            metrics=metrics,
            log=log,
        )

        def logged(app, write_line):
            draining = Draining(0, log, is_alone=True)
            return RequestLog(
                app,
                log=log,
                write_line=write_line,
                new_id=time_ordered_id,
                metrics=metrics,
                served_models=lambda: served_models,
                is_draining=lambda: draining.has_begun,
            )

        def cost(app):
            return best(lambda: loop.run_until_complete(serve(app, n)), n, repeats)

        alone = cost(bare)
        counted = cost(logged(bare, lambda _line: None))
        written = cost(logged(bare, RequestLines(file)))
        limited = cost(logged(Limits(bare, under_way), RequestLines(file)))
        counting = best(lambda: [metrics.request("score", "credit", "POST", 200, 0.001) for _ in range(n)], n, repeats)
        scoring = best(lambda: [metrics.score("credit", 1, BOUNDS, 0.2) for _ in range(n)], n, repeats)
        loop.close()
    print(f"the bare application                    {alone:6.2f} us")
    print(f"+ name, headers and counts              {counted - alone:6.2f} us, of which counts {counting:.2f}")
    print(f"+ line in the log                       {written - counted:6.2f} us")
    print(f"+ limits                                {limited - written:6.2f} us")
    print(f"all of it                               {limited - alone:6.2f} us")
    print(f"a probability counted                   {scoring:6.2f} us")


if __name__ == "__main__":
    main()
