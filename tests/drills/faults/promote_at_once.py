"""Concurrent promotions with two replicas: one history, one champion, everywhere.

    python tests/drills/faults/promote_at_once.py [--rounds 50] [--database URL]

Two replicas share a database and a folder of bundles. In each round both are told at the same moment to promote two
versions each, under load. With four versions a promotion rarely finds its own version live, which would change nothing
and hide a lost update. The history must hold each change with what was there before, the last one must be the
champion, and both replicas must answer with it within two seconds, without a failed request. Exit code 1 if not.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
import urllib.request
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from models.domains._discovery import load_domains
from models.registry.registry import Registry
from tests.conftest import quick_scorer
from tests.drills.load import ask_once
from tests.drills.stage import NAME, end_with, scoring, scratch

WITHIN_SECONDS = 2.0


def live_version(port: int) -> int:
    """The version that answers there."""
    shown = json.loads(urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models/{NAME}").read())
    return int(shown["live_version"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--database", help="URL of a PostgreSQL database; SQLite if left out")
    arguments = parser.parse_args()
    problems, slowest, answers = [], 0.0, []
    with ExitStack() as stack:
        stage = stack.enter_context(scratch(arguments.database))
        store = stage.trained()
        domain = load_domains()[NAME]
        for seed in (2, 3):
            store.add(domain, quick_scorer(domain, seed=seed), promote=False)
        stack.callback(store.registry.close)
        replicas = [stack.enter_context(stage.serving()) for _ in range(2)]
        for number in range(arguments.rounds):
            body = [json.dumps({"version": version, "why": f"round {number}"}).encode() for version in (1, 2, 3, 4)]
            asking = [
                threading.Thread(target=ask_once, args=(one.port, f"/v1/models/{NAME}/promote", what))
                for one, what in zip([*replicas, *replicas], body, strict=True)
            ]
            with scoring(replicas[number % 2].port, seconds=0.5, connections=4).running() as load:
                for thread in asking:
                    thread.start()
                for thread in asking:
                    thread.join()
                started, wanted = time.perf_counter(), store.registry.champion(NAME).number
                while [live_version(one.port) for one in replicas] != [wanted] * 2:
                    if time.perf_counter() - started > 2 * WITHIN_SECONDS:
                        break
                    time.sleep(0.01)
                seconds = time.perf_counter() - started
            slowest = max(slowest, seconds)
            answers += load.answers
            if seconds > WITHIN_SECONDS:
                problems.append(f"round {number}: {seconds:.2f} s until both answer with version {wanted}")
            if load.loaded.others:
                problems.append(f"round {number}: answers were {dict(load.loaded.others)}")
        problems += broken_links(store.registry)
        problems += stage.lost(answers)
    print(
        f"{arguments.rounds} rounds: slowest {slowest:.2f} s until both replicas follow, "
        f"{len(answers):,} answers under it, {len(problems)} problems"
    )
    end_with(problems)


def broken_links(registry: Registry) -> list[str]:
    """Changes of the history that do not begin where the one before ended."""
    changes = [event for event in registry.history(NAME) if event.alias == "champion"]
    found = [
        f"history {after.id} begins at {after.from_version}, the one before ended at {before.to_version}"
        for before, after in pairwise(changes)
        if after.from_version != before.to_version
    ]
    champion = registry.champion(NAME)
    if champion is None or champion.number != changes[-1].to_version:
        found.append("the champion is not what the history ends with")
    return found


if __name__ == "__main__":
    main()
