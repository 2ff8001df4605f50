"""Training jobs are killed at random moments: the live version keeps serving, and no version is half registered.

    python tests/drills/faults/kill_training.py [--rounds 50]

After each SIGKILL the registry must be what it was, or hold one version more that loads and answers; the champion must
load. In the end a job must succeed and leave no half-written folder. Exit code 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from models.domains._discovery import load_domains
from models.home import Home
from models.registry.bundles import PARTIAL
from models.registry.live import load_live
from models.registry.registry import Registry
from tests.drills.load import ONE_THREAD
from tests.drills.stage import NAME, end_with, scratch


def train(home: Home, data: Path) -> subprocess.Popen[bytes]:
    """Start a job."""
    command = [
        sys.executable,
        "-m",
        "service",
        "train",
        NAME,
        "--preset",
        "fast",
        "--data",
        str(data),
        "--promote",
        "always",
    ]
    environment = {**os.environ, **ONE_THREAD, "BACKSCORE_HOME": str(home.path)}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def state_of(home: Home) -> tuple[int, int]:
    """The number of versions and the champion, each loaded and verified."""
    registry = Registry(home.database_url)
    versions, champion = registry.versions(NAME), registry.champion(NAME)
    registry.close()
    assert champion is not None
    load_live(versions[-1], home.bundles)
    load_live(champion, home.bundles)
    return len(versions), champion.number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    arguments = parser.parse_args()
    chance, problems, ends = random.Random(0), [], Counter()
    with scratch() as stage:
        stage.trained().registry.close()
        home, data = stage.home, stage.home.path / "rows.csv"
        load_domains()[NAME].simulate(3_000, 5).frame.to_csv(data, index=False)
        started = time.perf_counter()
        if train(home, data).wait():
            sys.exit("a job that nobody kills fails")
        whole = time.perf_counter() - started
        before = state_of(home)
        for number in range(arguments.rounds):
            job = train(home, data)
            time.sleep(chance.uniform(0, 1.1 * whole))
            job.kill()
            job.wait()
            now = state_of(home)
            if now == before:
                ends["nothing changed"] += 1
            elif now == (before[0] + 1, before[0] + 1):
                ends["a whole new version answers"] += 1
            else:
                problems.append(f"round {number}: {before} versions and champion became {now}")
            before = now
        if train(home, data).wait() or state_of(home) != (before[0] + 1, before[0] + 1):
            problems.append("a job after the kills does not succeed")
        problems += [f"{left.name} is left" for left in home.bundles.glob(f"{PARTIAL}*")]
    print(f"{arguments.rounds} kills within {whole:.1f} s jobs: {dict(ends)}; {len(problems)} problems")
    end_with(problems)


if __name__ == "__main__":
    main()
