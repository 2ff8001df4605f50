"""HTTP requests a second: one worker of the service beside a bare FastAPI endpoint with the same typed body and answer.

    python tests/benchmarks/http_speed.py [--home var] [--name credit] [--connections 16] [--seconds 5] [--rounds 5]

Needs a live model (`backscore quickstart --once`). Both servers run at once, each on the first core; the load comes
from the last core. They are loaded in turn, and the ratio is taken round by round, because machines drift. The bare
endpoint validates the same row and writes the same answer model, without a network, without reasons and without a log.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from models.home import Home
from models.live import load_live
from models.registry import Registry

BARE = """
import sys; sys.path.insert(0, {root!r})
from pathlib import Path
import uvicorn
from fastapi import FastAPI
from data.rows import row_type
from models.home import Home
from models.live import load_live
from models.registry import Registry
home = Home(Path({home!r}))
live = load_live(Registry(home.database_url).champions()[{name!r}], home.bundles)
Row, Answer = row_type(live.table), live.domain.answer
answer = Answer.model_validate_json({answer!r})
app = FastAPI()
@app.post("/v1/{name}/score")
async def score(row: Row) -> Answer:
    return answer
@app.get("/health/ready")
async def ready() -> dict: return {{}}
uvicorn.run(app, port={port}, log_level="warning", access_log=False)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(command: list[str], port: int, home: Path) -> Iterator[None]:
    """A server process on the first core, ready to answer."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **one_thread, "BACKSCORE_HOME": str(home.resolve())},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}),  # noqa: PLW1509
    )
    try:
        wait_until_ready(port)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def wait_until_ready(port: int) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"the server on port {port} did not get ready within 30 s")


async def connection(port: int, request: bytes, until: float, milliseconds: list[float]) -> None:
    """One keep-alive connection that asks again as soon as it is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (started := time.perf_counter()) < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"answered {head.decode()}")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        milliseconds.append((time.perf_counter() - started) * 1e3)
    writer.close()


async def load(port: int, request: bytes, connections: int, seconds: float) -> tuple[float, float]:
    """Requests a second and the 99th percentile of the latency in milliseconds."""
    milliseconds: list[float] = []
    until = time.perf_counter() + seconds
    await asyncio.gather(*(connection(port, request, until, milliseconds) for _ in range(connections)))
    return len(milliseconds) / seconds, float(np.quantile(milliseconds, 0.99))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path("var"))
    parser.add_argument("--name", default="credit")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    home = Home(arguments.home)
    live = load_live(Registry(home.database_url).champions()[arguments.name], home.bundles)
    body = json.dumps(live.table.example()).encode()

    def request(reasons: str) -> bytes:
        head = f"POST /v1/{arguments.name}/score?reasons={reasons} HTTP/1.1\r\nHost: localhost\r\n"
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body

    ours_port, bare_port = free_port(), free_port()
    serve = [sys.executable, "-m", "service", "serve", "--port", str(ours_port)]
    with server(serve, ours_port, arguments.home):
        url = f"http://127.0.0.1:{ours_port}/v1/{arguments.name}/score?reasons=none"
        asked = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        answer = urllib.request.urlopen(asked).read().decode()  # noqa: S310
        bare = BARE.format(root=str(ROOT), home=str(arguments.home), name=arguments.name, answer=answer, port=bare_port)
        with server([sys.executable, "-c", bare], bare_port, arguments.home):
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
            compare(ours_port, bare_port, request, arguments)


def compare(ours_port: int, bare_port: int, request, arguments: argparse.Namespace) -> None:
    """Load the servers in turn and print rates and ratios."""
    contenders = {
        "bare endpoint": (bare_port, request("none")),
        "ours": (ours_port, request("none")),
        "ours with reasons": (ours_port, request("all")),
    }
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    tails: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(arguments.rounds):
        for name, (port, bytes_to_send) in contenders.items():
            rate, p99 = asyncio.run(load(port, bytes_to_send, arguments.connections, arguments.seconds))
            rates[name].append(rate)
            tails[name].append(p99)
    for name in contenders:
        ratio = np.median(np.array(rates[name]) / np.array(rates["bare endpoint"]))
        print(
            f"{arguments.name}, {arguments.connections} connections, {name:<18} {np.median(rates[name]):7.0f} a second"
            f"   p99 {np.median(tails[name]):6.2f} ms   {ratio:6.1%} of the bare endpoint"
        )


if __name__ == "__main__":
    main()
