"""SharedFolder: exchange of metrics between the workers of one service.

Each worker writes a file of its own; the worker that is scraped rewrites its file and merges all of them. So counters
never decrease from one scrape to the next, whichever worker answers, and are at most one interval of `publish` old. A
worker that is killed loses its counts since its last `publish`.
"""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock

from service.metrics.families import FAMILIES, Family, merged

ENDED = "ended.json"
"""File with the merged metrics of workers that have ended."""


class SharedFolder:
    """A folder that only the workers of one service use.

    Each worker that starts merges the files of workers that have ended into one.

    Parameters
    ----------
    pid : process ID of this worker.
    """

    def __init__(self, folder: Path, pid: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._own = folder / f"{pid or os.getpid()}.json"
        self._lock = FileLock(folder / "lock")
        with self._lock:
            self._add_up_ended()

    def publish(self, families: list[Family]) -> None:
        """Replace this worker's file atomically."""
        with self._lock:  # also excludes other threads of this process
            _write(self._own, families)

    def gather(self, families: list[Family]) -> list[Family]:
        """The merged metrics of all workers, with the latest of this one."""
        with self._lock:
            _write(self._own, families)
            running: list[list[Family]] = []
            ended: list[list[Family]] = []
            for file in self._folder.glob("*.json"):
                is_running = file == self._own or (file.name != ENDED and _runs(int(file.stem)))
                (running if is_running else ended).append(_read(file))
        return merged(running, ended)

    def _add_up_ended(self) -> None:
        # process IDs are reused: a file with this worker's own ID is from an earlier process
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
    except PermissionError:  # the ID belongs to another user's process by now
        return False
    return True


def _read(file: Path) -> list[Family]:
    return FAMILIES.validate_json(file.read_bytes())


def _write(file: Path, families: list[Family]) -> None:
    new = file.with_suffix(".new")
    new.write_bytes(FAMILIES.dump_json(families))
    new.replace(file)
