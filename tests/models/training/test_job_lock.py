"""The training lock: one job for each name, and none after its holder died."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.errors import JobLockedError, ModelNameError
from models.training.job_lock import job_lock

SOURCE_ROOT = Path(__file__).parents[3]

HOLDER = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from models.training.job_lock import job_lock

with job_lock(Path(sys.argv[1]), "lending", now=lambda: datetime(2024, 5, 1, 12, tzinfo=UTC)):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@contextmanager
def holding_process(home, seconds):
    """Another process that holds the lock of `lending`."""
    command = [sys.executable, "-c", HOLDER, str(home), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=SOURCE_ROOT) as process:
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_a_second_job_is_told_who_holds_the_lock(tmp_path):
    """The text names the process, its host and since when it runs."""
    with holding_process(tmp_path, 60) as process:
        expected = f"process {process.pid} on {socket.gethostname()} since 2024-05-01T12:00:00"
        with pytest.raises(JobLockedError, match=expected), job_lock(tmp_path, "lending"):
            pytest.fail("two jobs at once")


def test_two_jobs_of_one_process_exclude_each_other(tmp_path):
    """The lock holds between threads of one process as it does between processes."""
    with (
        job_lock(tmp_path, "lending"),
        pytest.raises(JobLockedError, match=f"process {os.getpid()} "),
        job_lock(tmp_path, "lending"),
    ):
        pytest.fail("two jobs at once")


def test_a_job_waits_for_another_one_to_end(tmp_path):
    """Within `wait_seconds` the lock is taken as soon as it is free."""
    with holding_process(tmp_path, 0.5), job_lock(tmp_path, "lending", wait_seconds=30):
        assert (tmp_path / "locks" / "lending.holder.json").exists()


def test_waiting_ends_after_the_seconds_given(tmp_path):
    """A job that never gets the lock gives up in time."""
    with job_lock(tmp_path, "lending"):
        start = time.monotonic()
        with pytest.raises(JobLockedError, match=r"waited 0\.3 s"), job_lock(tmp_path, "lending", wait_seconds=0.3):
            pytest.fail("two jobs at once")
        assert time.monotonic() - start >= 0.3


def test_a_killed_job_blocks_nobody(tmp_path):
    """The operating system gives the lock back when its holder dies, whatever the holder left behind."""
    with holding_process(tmp_path, 60) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert (tmp_path / "locks" / "lending.holder.json").exists()
        with (
            job_lock(tmp_path, "lending", now=lambda: datetime(2024, 6, 2, tzinfo=UTC)),
            pytest.raises(JobLockedError, match=f"process {os.getpid()} .* since 2024-06-02"),
            job_lock(tmp_path, "lending"),
        ):
            pytest.fail("two jobs at once")


def test_the_lock_is_free_after_a_failed_job(tmp_path):
    """An error in the job gives the lock back and is not hidden."""
    with pytest.raises(ZeroDivisionError), job_lock(tmp_path, "lending"):
        raise ZeroDivisionError
    with job_lock(tmp_path, "lending"):
        pass
    assert not (tmp_path / "locks" / "lending.holder.json").exists()


def test_jobs_of_different_names_run_side_by_side(tmp_path):
    """Each name has a lock of its own."""
    with job_lock(tmp_path, "lending"), job_lock(tmp_path, "lending-2"):
        assert len(list((tmp_path / "locks").glob("*.holder.json"))) == 2


def test_a_name_that_is_no_name_locks_nothing(tmp_path):
    """A path in place of a name is refused before anything is written."""
    with pytest.raises(ModelNameError), job_lock(tmp_path / "home", "../lending"):
        pytest.fail("locked a path")
    assert not list(tmp_path.iterdir())
