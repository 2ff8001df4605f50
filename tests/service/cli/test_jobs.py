"""Training jobs as processes: two of one name at once, and jobs that are killed."""

from __future__ import annotations

import json
import signal
import subprocess
import time

import pytest

from models.live import load_live

STAGES = ("Reading", "Checking", "Training", "Evaluating", "Writing")


def wait_for(process: subprocess.Popen[str], words: str) -> None:
    """Return when the process has said something that contains the words."""
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"{process.args} ended without saying {words!r}")


def test_the_second_job_of_a_name_is_told_who_runs(run, start, open_registry, credit_csv):
    """One of two jobs of a name ends well; the other fails at once, names the process, and registers nothing."""
    words = ("train", "credit", "--data", credit_csv, "--preset", "fast", "--json")
    first = start(*words)
    wait_for(first, "Checking")  # said under the lock
    first.send_signal(signal.SIGSTOP)  # so that it certainly still runs

    second = run(*words)
    other_name = run(*words, "--name", "lending")
    first.send_signal(signal.SIGCONT)
    stdout, _ = first.communicate(timeout=60)

    assert second.exit_code == 1
    assert f"process {first.pid}" in second.stderr
    assert second.stdout == ""
    assert other_name.exit_code == 0
    assert first.returncode == 0
    assert json.loads(stdout)["version"] == 1
    assert len(open_registry.versions("credit")) == 1


def test_a_killed_job_leaves_the_live_model_and_no_half_version(run, start, trained, credit_csv):
    """SIGKILL at the beginning of each stage, and within the last: what answers stays, the next job clears up."""
    before = trained.registry.versions("credit")
    words = ("train", "credit", "--data", credit_csv, "--preset", "fast", "--promote", "always", "--json")
    (trained.home.bundles / ".partial-credit.0123").mkdir()  # as a job that is killed while it writes leaves it

    for stage, seconds in [*((stage, 0.0) for stage in STAGES), ("Writing", 0.1)]:
        process = start(*words)
        wait_for(process, stage)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()

        versions, champion = trained.registry.versions("credit"), trained.registry.champion("credit")
        assert versions[: len(before)] == before
        for version in versions:
            load_live(version, trained.home.bundles)  # each that is registered is whole
        assert champion == (versions[-1] if len(versions) > len(before) else before[0])
        before = versions if len(versions) > len(before) else before

    outcome = run(*words)
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.json["version"] == len(before) + 1
    assert trained.registry.champion("credit").digest == outcome.json["digest"]
    assert list(trained.home.bundles.glob(".partial-credit.*")) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_job_that_is_told_to_stop_says_nothing_long(start, open_registry, credit_csv, number):
    """Ctrl+C and an orchestrator's stop end a job without a stack trace and without a version."""
    process = start("train", "credit", "--data", credit_csv, "--preset", "fast")
    wait_for(process, "Training")

    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)

    assert process.returncode != 0
    assert "Traceback" not in stderr
    assert open_registry.names() == []
