"""The serving process is killed again and again during a stream: nothing may be lost, and nothing may count twice.

    python tests/drills/faults/kill_worker.py [--events 20000] [--kills 5] [--database URL]

SIGKILL hits `backscore serve` with 16 requests under way; it is started again at once, and the client sends again what
was not answered. In the end every event is stored once, and the windows, scores and decisions of all answers are those
of the bulk computation. Exit code 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from tests.drills.replay import Replay, Replayed
from tests.drills.stage import ServiceProcess, Stage, empty_schema, end_with, simulated


def play(stage: Stage, *, n_kills: int) -> Replayed:
    """Send the stream and kill the service after equal parts of it."""
    serving = ServiceProcess(stage.home, stage.database_url)
    n_events = len(stage.rows)
    kill_at = {n_events * kill // (n_kills + 1) for kill in range(1, n_kills + 1)}

    def kill(n_answered: int) -> None:
        if n_answered in kill_at:
            serving.kill()
            serving.start()

    try:
        serving.wait_until_ready()
        replay = Replay(serving.port, "fraud", stage.rows, stage.entities, watcher=kill)
        return asyncio.run(replay.run())
    finally:
        serving.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--database", help="URL of a PostgreSQL database; SQLite if left out")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="stream-")))
        url = stack.enter_context(empty_schema(arguments.database)) if arguments.database else None
        stage = simulated(folder, url, n_stream=arguments.events)
        replayed = play(stage, n_kills=arguments.kills)
        problems = stage.problems(replayed.answers)
    problems += [f"a request was refused: {status} {body}" for status, _, body in replayed.refusals]
    print(
        f"{arguments.kills} kills in {replayed.seconds:.0f} s: {replayed.n_broken} requests broken and sent again, "
        f"{len(stage.rows):,} events answered, {len(problems)} lost, counted twice or different"
    )
    end_with(problems)


if __name__ == "__main__":
    main()
