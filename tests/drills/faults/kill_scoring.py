"""The serving process is killed again and again under load: every answer that a client got is in the audit log.

    python tests/drills/faults/kill_scoring.py [--rounds 50] [--database URL]

SIGKILL hits `backscore serve` at a random moment after the first answer, with 8 requests under way; then the log is
compared with what the clients received, byte by byte, and the service is started again. Exit code 1 if anything is
wrong.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from tests.drills.stage import ServiceProcess, end_with, scoring, scratch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--database", help="URL of a PostgreSQL database; SQLite if left out")
    arguments = parser.parse_args()
    chance, answers, n_broken, problems = random.Random(0), [], 0, []
    with scratch(arguments.database) as stage:
        stage.trained().registry.close()
        for number in range(arguments.rounds):
            serving = ServiceProcess(stage)
            serving.wait_until_ready()
            seconds = chance.uniform(0.05, 1.0)
            with scoring(serving.port, seconds=60).running() as load:
                while not load.answers:  # a slow machine that has answered nothing yet has lost nothing
                    time.sleep(0.01)
                time.sleep(seconds)
                serving.kill()
            n_broken += load.loaded.others["lost"]
            if refused := {status for status in load.loaded.others if status != "lost"}:
                problems.append(f"round {number}: answered with {refused}")
            answers += load.answers
            problems += stage.lost(load.answers)
        n_recorded = len(stage.recorded())
    print(
        f"{arguments.rounds} kills: {len(answers):,} answers received, {n_recorded:,} recorded (those on their way, "
        f"too), {n_broken} requests broken, {len(problems)} answers lost or altered"
    )
    end_with(problems)


if __name__ == "__main__":
    main()
