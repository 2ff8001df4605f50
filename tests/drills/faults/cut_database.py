"""The database is cut off again and again under scoring load: every answer is recorded.

    python tests/drills/faults/cut_database.py [--rounds 50] [--database URL]

The PostgreSQL database is reached through a proxy that is cut for a random time in each round. Answers are 200 and in
the audit log as they were sent, or 503; the service answers again within three seconds. Exit code 1 if not.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from tests.drills.proxy import Proxy
from tests.drills.stage import end_with, scoring, scratch

BACK_SECONDS = 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", default="postgresql+psycopg://postgres@127.0.0.1:5432/test")
    parser.add_argument("--rounds", type=int, default=50)
    arguments = parser.parse_args()
    chance, answers, problems, n_refused = random.Random(0), [], [], 0
    with scratch(arguments.database) as stage:
        stage.trained().registry.close()
        with Proxy(stage.database_url) as proxy, stage.serving(database_url=proxy.url) as serving:
            for number in range(arguments.rounds):
                away = chance.uniform(0.05, 0.5)
                with scoring(serving.port, seconds=away + 0.4).running() as load:
                    time.sleep(0.2)
                    proxy.cut()
                    time.sleep(away)
                    proxy.restore()
                answers += load.answers
                n_refused += load.loaded.others["503"]
                if bad := load.loaded.others.keys() - {"503"}:
                    problems.append(f"round {number}: answers were {bad}")
                if (seconds := until_answered(serving.port)) > BACK_SECONDS:
                    problems.append(f"round {number}: {seconds:.1f} s until it answered again")
        problems += stage.lost(answers)
    print(
        f"{arguments.rounds} times away: {len(answers):,} answers, {n_refused:,} refused with 503, "
        f"{len(problems)} lost, altered or unclear"
    )
    end_with(problems)


def until_answered(port: int) -> float:
    """Seconds until a request is answered."""
    started = time.perf_counter()
    while time.perf_counter() - started < 2 * BACK_SECONDS:
        with scoring(port, seconds=0.02, connections=1).running() as load:
            pass
        if load.answers and not load.loaded.others:
            break
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
