"""PostgreSQL is unreachable for ten seconds during a stream: clear refusals meanwhile, and automatic recovery.

    python tests/drills/faults/stop_database.py [--database URL] [--events 5000] [--seconds 10] [--workers 1]

The service reaches the database through a proxy that is cut, so the server itself goes on for others. Every answer
meanwhile must be a 503 with Retry-After; afterwards every event is stored once, and the windows, scores and decisions
of all answers are those of the bulk computation. Exit code 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from tests.drills.proxy import Proxy
from tests.drills.replay import Replay, Replayed
from tests.drills.stage import end_with, scratch
from tests.drills.stream import Stream, simulated


def play(stream: Stream, port: int, proxy: Proxy, *, seconds: float) -> Replayed:
    """Send the stream, and cut the database off for a while when half of it is answered."""

    def cut(n_answered: int) -> None:
        if n_answered == len(stream.rows) // 2:
            proxy.cut()
            asyncio.get_running_loop().call_later(seconds, proxy.restore)

    return asyncio.run(Replay(port, "fraud", stream.rows, stream.entities, watcher=cut).run())


def problems_of(replayed: Replayed) -> list[str]:
    """Problems of the answers while the database was unreachable."""
    found = [
        f"a refusal must be a 503 with Retry-After and a problem: {status}, {retry_after}, {body}"
        for status, retry_after, body in replayed.refusals
        if status != 503 or not retry_after or "the database is unavailable" not in body
    ]
    if not replayed.refusals:
        found.append("no request was refused")
    if replayed.n_broken:
        found.append(f"{replayed.n_broken} connections broke")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", default="postgresql+psycopg://postgres@127.0.0.1:5432/test")
    parser.add_argument("--events", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    with scratch(arguments.database) as stage, Proxy(stage.database_url) as proxy:
        stream = simulated(stage, n_stream=arguments.events)
        with stage.serving(database_url=proxy.url, workers=arguments.workers) as serving:
            replayed = play(stream, serving.port, proxy, seconds=arguments.seconds)
        problems = [*stream.problems(replayed.answers), *problems_of(replayed)]
    print(
        f"database away for {arguments.seconds:g} s of {replayed.seconds:.0f} s: {len(replayed.refusals)} refusals, "
        f"{len(stream.rows):,} events answered, {len(problems)} refused unclearly, lost, counted twice or different"
    )
    end_with(problems)


if __name__ == "__main__":
    main()
