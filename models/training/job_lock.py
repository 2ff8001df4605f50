"""One training job per model name at a time, across processes; the lock ends with the process that holds it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from models.clock import Clock, utc_now
from models.errors import JobLockedError
from models.names import checked_name


@contextmanager
def job_lock(home: Path, name: str, *, wait_seconds: float = 0.0, now: Clock = utc_now) -> Iterator[None]:
    """Hold the training lock of one model while the block runs.

    The operating system holds the lock for the process, so a killed one blocks no other job. The holder's details
    are written beside it only for the error message of other jobs.

    Parameters
    ----------
    home : the folder that holds everything backscore writes.
    name : the model's name, see `checked_name`.
    wait_seconds : how long to wait for another job to end; 0 tries once.

    Raises
    ------
    JobLockedError
        Another job still holds the lock after `wait_seconds`; the text names its process, host and start.
    """
    folder, name = home / "locks", checked_name(name)
    folder.mkdir(parents=True, exist_ok=True)
    holder_path = folder / f"{name}.holder.json"
    lock = FileLock(folder / f"{name}.lock")
    try:
        lock.acquire(timeout=max(wait_seconds, 0.0))
    except Timeout:
        raise JobLockedError(name, _described_holder(holder_path), wait_seconds) from None
    try:
        _write_holder(holder_path, now())
        yield
    finally:
        # Before the release: afterwards the file could be that of the next holder
        holder_path.unlink(missing_ok=True)
        lock.release()


def _write_holder(path: Path, since: datetime) -> None:
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": since.isoformat(timespec="seconds")}
    # Replaced in one step, so that another job never reads half a file
    draft = path.with_suffix(".partial")
    draft.write_text(json.dumps(holder))
    draft.replace(path)


def _described_holder(path: Path) -> str:
    """The holder in words; it may not have written its details yet, or may just have ended."""
    try:
        holder = json.loads(path.read_text())
    except FileNotFoundError:
        return "another process"
    return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
