"""SharedFolder: where the workers of one service leave what they count for each other.

Each worker writes a file of its own; whoever is asked writes its file anew and adds up all of them. So counts never
fall from one answer to the next, whichever worker gives it, and are at most one interval of `publish` old. A worker
that is killed takes what it counted since its last `publish` with it.
"""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock

from service.metrics.families import FAMILIES, Family, merged

ENDED = "ended.json"
"""The sums of workers that have ended."""


class SharedFolder:
    """A folder that belongs to the workers of one service, and to nobody else.

    What workers left that have ended is added up in one file when the next one starts.

    Parameters
    ----------
    pid : of this worker.
    """

    def __init__(self, folder: Path, pid: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._own = folder / f"{pid or os.getpid()}.json"
        self._lock = FileLock(folder / "lock")
        with self._lock:
            self._add_up_ended()

    def publish(self, families: list[Family]) -> None:
        """Write this worker's file; whoever reads sees the old one or the new one."""
        with self._lock:  # also against this process's own other threads
            _write(self._own, families)

    def gather(self, families: list[Family]) -> list[Family]:
        """What all workers count, with this one's latest."""
        with self._lock:
            _write(self._own, families)
            running: list[list[Family]] = []
            ended: list[list[Family]] = []
            for file in self._folder.glob("*.json"):
                is_running = file == self._own or (file.name != ENDED and _runs(int(file.stem)))
                (running if is_running else ended).append(_read(file))
        return merged(running, ended)

    def _add_up_ended(self) -> None:
        # a file under this worker's own number is that of a process which had the number before
        files = [file for file in self._folder.glob("*.json") if file.name != ENDED]
        gone = [file for file in files if file == self._own or not _runs(int(file.stem))]
        if not gone:
            return
        sums = self._folder / ENDED
        _write(sums, merged([], [_read(file) for file in (*gone, *([sums] if sums.exists() else []))]))
        for file in gone:
            file.unlink()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's by now
        return False
    return True


def _read(file: Path) -> list[Family]:
    return FAMILIES.validate_json(file.read_bytes())


def _write(file: Path, families: list[Family]) -> None:
    new = file.with_suffix(".new")
    new.write_bytes(FAMILIES.dump_json(families))
    new.replace(file)
