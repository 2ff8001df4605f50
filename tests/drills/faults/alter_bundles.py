"""Bundles are truncated, altered and removed: the live version keeps serving, a broken one never goes live.

    python tests/drills/faults/alter_bundles.py [--rounds 50]

In each round a random file of the version that does not answer is damaged in a random way and the version is promoted
behind the service's back. The service must go on with the version before and tell why; once the file is restored, the
version goes live within its retries. Exit code 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from models.errors import BundleError
from models.registry.live import load_live
from tests.drills.stage import NAME, end_with, scoring, scratch


def truncate(path: Path, chance: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content))])


def flip_a_bit(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def append(path: Path, chance: random.Random) -> None:
    path.write_bytes(path.read_bytes() + bytes([chance.randrange(256)]))


def remove(path: Path, _chance: random.Random) -> None:
    path.unlink()


def replace_by_a_link(path: Path, _chance: random.Random) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def add_a_file(path: Path, _chance: random.Random) -> None:
    (path.parent / "extra.txt").write_text("not listed")


DAMAGES: tuple[Callable[[Path, random.Random], None], ...] = (
    truncate,
    flip_a_bit,
    append,
    remove,
    replace_by_a_link,
    add_a_file,
)


def state(port: int) -> dict[str, Any]:
    """The service's description of the model."""
    return dict(json.loads(urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models/{NAME}").read()))


def wait_for(is_so: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether a condition becomes true within the time limit."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.05)
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    arguments = parser.parse_args()
    chance, problems, counts = random.Random(0), [], Counter()
    with scratch() as stage:
        store = stage.trained()
        with stage.serving() as serving:
            for number in range(arguments.rounds):
                before = store.registry.champion(NAME).number
                other = store.registry.version(NAME, 3 - before)
                bundle, whole = store.home.bundles / other.digest, stage.home.path / "whole"
                shutil.copytree(bundle, whole)
                damage = chance.choice(DAMAGES)
                damage(chance.choice(sorted(bundle.iterdir())), chance)
                try:
                    load_live(other, store.home.bundles)
                    problems.append(f"round {number}: {damage.__name__} was not noticed")
                except BundleError:
                    counts[damage.__name__] += 1
                store.registry.promote(NAME, other.number, actor="faults", why="")
                with scoring(serving.port, seconds=0.2).running() as load:
                    refused = wait_for(lambda: state(serving.port)["refused"] is not None)
                if not refused or state(serving.port)["live_version"] != before or load.loaded.others:
                    problems.append(f"round {number}: {state(serving.port)}, {dict(load.loaded.others)}")
                shutil.rmtree(bundle)
                whole.rename(bundle)
                if not wait_for(lambda: state(serving.port)["live_version"] == other.number):  # noqa: B023
                    problems.append(f"round {number}: the restored version did not go live")
        store.registry.close()
    print(f"{arguments.rounds} rounds: {dict(counts)}; {len(problems)} problems")
    end_with(problems)


if __name__ == "__main__":
    main()
