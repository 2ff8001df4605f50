"""The database goes away and comes back, again and again, under scoring load: what was answered is recorded.

    python tests/drills/faults/cut_database.py [--rounds 50] [--database URL]

The PostgreSQL database is reached through a proxy that is cut for a random time in each round. Answers are 200 and in
the audit log as they were sent, or 503; the service answers again within three seconds. Exit code 1 if not.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from tests.drills.faults.scene import Load, lost, trained
from tests.drills.proxy import Proxy
from tests.drills.stage import ServiceProcess, empty_schema, end_with

BACK_SECONDS = 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", default="postgresql+psycopg://postgres@127.0.0.1:5432/test")
    parser.add_argument("--rounds", type=int, default=50)
    arguments = parser.parse_args()
    chance, answers, problems, n_refused = random.Random(0), [], [], 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="faults-")))
        url = stack.enter_context(empty_schema(arguments.database))
        store = trained(folder, url)
        store.registry.close()
        proxy = stack.enter_context(Proxy(url))
        serving = ServiceProcess(store.home, proxy.url)
        stack.callback(serving.stop)
        serving.wait_until_ready()
        for number in range(arguments.rounds):
            away = chance.uniform(0.05, 0.5)
            with Load(serving.port, seconds=away + 0.4).running() as load:
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
        problems += lost(answers, url)
    print(
        f"{arguments.rounds} times away: {len(answers):,} answers, {n_refused:,} refused with 503, "
        f"{len(problems)} lost, altered or unclear"
    )
    end_with(problems)


def until_answered(port: int) -> float:
    """Seconds until a request is answered."""
    started = time.perf_counter()
    while time.perf_counter() - started < 2 * BACK_SECONDS:
        with Load(port, seconds=0.02, connections=1).running() as load:
            pass
        if load.answers and not load.loaded.others:
            break
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
