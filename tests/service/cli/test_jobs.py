"""Training jobs as processes: two of one name at once, and jobs that are killed."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable

from models.registry.live import load_live


def wait_for(process: subprocess.Popen[str], words: str) -> None:
    """Return when the output of the process contains the words."""
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"{process.args} ended without saying {words!r}")


def wait_until(is_so: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Return as soon as something is so, or when the process has ended."""
    while not is_so() and process.poll() is None:
        time.sleep(0.0005)


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
    """SIGKILL while it trains, compares, writes the bundle, and registers: what answers is always whole."""
    bundles, registry = trained.home.bundles, trained.registry
    words = ("train", "credit", "--data", credit_csv, "--preset", "fast", "--promote", "always", "--json")

    def a_bundle_is_being_written(process):
        wait_for(process, "Writing")
        wait_until(lambda: list(bundles.glob(".partial-credit.*")), process)

    def a_bundle_is_complete(process):
        there = set(bundles.iterdir())
        wait_for(process, "Writing")
        wait_until(lambda: [path for path in set(bundles.iterdir()) - there if len(path.name) == 64], process)

    moments = [
        lambda process: wait_for(process, "Training"),
        lambda process: wait_for(process, "Evaluating"),
        a_bundle_is_being_written,
        a_bundle_is_complete,
    ]
    versions, live = registry.versions("credit"), 1
    for moment in moments:
        process = start(*words)
        moment(process)
        process.kill()
        process.wait()

        before, versions = versions, registry.versions("credit")
        assert versions[: len(before)] == before
        for version in versions:
            load_live(version, bundles)
        live = versions[-1].number if len(versions) > len(before) else live
        assert registry.champion("credit").number == live

    (bundles / ".partial-credit.0123").mkdir()
    outcome = run(*words)

    assert outcome.exit_code == 0, outcome.stderr
    assert registry.champion("credit").number == outcome.json["version"] == len(versions) + 1
    assert list(bundles.glob(".partial-credit.*")) == []


def test_a_job_that_is_interrupted_says_nothing_long(start, open_registry, credit_csv):
    """Ctrl+C ends a job without a stack trace and without a version."""
    process = start("train", "credit", "--data", credit_csv, "--preset", "fast")
    wait_for(process, "Training")

    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)

    assert process.returncode not in (0, 2, 3)
    assert "Traceback" not in stderr
    assert open_registry.names() == []
