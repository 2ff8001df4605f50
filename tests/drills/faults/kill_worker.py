"""The serving process is killed repeatedly during a stream: no event may be lost or counted twice.

    python tests/drills/faults/kill_worker.py [--events 20000] [--kills 5] [--database URL]

SIGKILL hits `backscore serve` with 16 requests under way; it is started again at once, and the client sends again what
was not answered. In the end every event is stored once, and the windows, scores and decisions of all answers are those
of the bulk computation. Exit code 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from tests.drills.replay import Replay, Replayed
from tests.drills.stage import end_with, scratch
from tests.drills.stream import Stream, simulated


def play(stream: Stream, *, n_kills: int) -> Replayed:
    """Send the stream and kill the service after equal parts of it."""
    n_events = len(stream.rows)
    kill_at = {n_events * kill // (n_kills + 1) for kill in range(1, n_kills + 1)}

    def kill(n_answered: int) -> None:
        if n_answered in kill_at:
            serving.kill()
            serving.start()

    with stream.stage.serving() as serving:
        replay = Replay(serving.port, "fraud", stream.rows, stream.entities, watcher=kill)
        return asyncio.run(replay.run())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--database", help="URL of a PostgreSQL database; SQLite if left out")
    arguments = parser.parse_args()
    with scratch(arguments.database) as stage:
        stream = simulated(stage, n_stream=arguments.events)
        replayed = play(stream, n_kills=arguments.kills)
        problems = stream.problems(replayed.answers)
    problems += [f"a request was refused: {status} {body}" for status, _, body in replayed.refusals]
    print(
        f"{arguments.kills} kills in {replayed.seconds:.0f} s: {replayed.n_broken} requests broken and sent again, "
        f"{len(stream.rows):,} events answered, {len(problems)} lost, counted twice or different"
    )
    end_with(problems)


if __name__ == "__main__":
    main()
