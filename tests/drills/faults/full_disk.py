"""The disk is full, for the database and for bundles: clear errors, no partial work, recovery once there is space.

    python tests/drills/faults/full_disk.py [--rounds 50]

Needs root: home and database lie on a small tmpfs that is filled up to a random number of free bytes in each round.
While it is full, a job must fail with a clear error or succeed, scoring must be answered (and recorded) or refused with
503; afterwards the service answers, and every answer that was ever given is in the audit log. Exit code 1 if not.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from models.domains._discovery import load_domains
from models.errors import BundleError, DatabaseError
from models.registry.live import load_live
from models.registry.registry import Registry
from tests.conftest import quick_scorer
from tests.drills.stage import NAME, Stage, end_with, scoring

MEGABYTES = 1_000
"""Room for all answers of all rounds; it is memory."""
MOUNT, UNMOUNT = shutil.which("mount") or "mount", shutil.which("umount") or "umount"


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of its own."""
    subprocess.run([MOUNT, "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run([UNMOUNT, "-l", str(folder)], check=True)


@contextmanager
def filled(folder: Path, n_free: int) -> Iterator[None]:
    """Fill the disk up to a number of free bytes."""
    filler = folder / "filler"
    with filler.open("wb") as file:
        is_filled = False
        while not is_filled:
            with suppress(OSError):  # the service has written something since the free bytes were counted
                os.posix_fallocate(file.fileno(), 0, max(shutil.disk_usage(folder).free - n_free, 1))
                is_filled = True
    try:
        yield
    finally:
        filler.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("this needs root, to mount a small file system")
    chance, problems, counts, answers = random.Random(0), [], Counter(), []
    domain = load_domains()[NAME]
    scorer = quick_scorer(domain, seed=2)
    with TemporaryDirectory(prefix="faults-") as outer, small_disk(Path(outer)) as disk:
        stage = Stage.at(disk / "home")
        store = stage.trained()
        with stage.serving() as serving:
            for number in range(arguments.rounds):
                n_free = chance.choice([0, 5_000, 50_000, 500_000])
                with filled(disk, n_free), scoring(serving.port, seconds=0.5).running() as load:
                    counts[register(store, domain, scorer)] += 1
                answers += load.answers
                counts.update({f"answer {status}": n for status, n in load.loaded.others.items()})
                if bad := load.loaded.others.keys() - {"503"}:
                    problems.append(f"round {number}: while the disk was full, answers were {bad}")
                with scoring(serving.port, seconds=0.3).running() as load:
                    pass
                answers += load.answers
                if load.loaded.others or not load.answers:
                    problems.append(f"round {number}: with room again, answers were {dict(load.loaded.others)}")
                registry = Registry(stage.database_url)
                load_live(registry.versions(NAME)[-1], stage.home.bundles)
                registry.close()
        store.registry.close()
        problems += stage.lost(answers)
    print(f"{arguments.rounds} rounds: {len(answers):,} answers, {dict(counts)}; {len(problems)} problems")
    end_with(problems)


def register(store, domain, scorer) -> str:
    """Store another version while the disk is full; returns the outcome."""
    try:
        store.add(domain, scorer, promote=False)
    except (BundleError, DatabaseError) as error:
        return f"not registered, {type(error).__name__}"
    return "registered"


if __name__ == "__main__":
    main()
