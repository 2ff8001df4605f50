"""Counts of several workers, of which some have ended."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service.metrics.families import families_of, merged
from service.metrics.shared_folder import ENDED, SharedFolder


@pytest.fixture(scope="module")
def ended_pid():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def worker(requests, waiting, seconds=()):
    """What a worker counts: requests by status, a queue, durations."""
    registry = CollectorRegistry()
    counter = Counter("requests", "Requests.", ["status"], registry=registry)
    for status, number in requests.items():
        counter.labels(status).inc(number)
    Gauge("queue", "Queue.", registry=registry).set(waiting)
    up = Gauge("backscore_database_up", "Up.", registry=registry)
    up.set(waiting < 5)
    durations = Histogram("duration_seconds", "Durations.", buckets=[1, 2], registry=registry)
    for value in seconds:
        durations.observe(value)
    return families_of(registry.collect())


def values(families):
    """Name and labels of each sample, and its value."""
    return {(name, *labels.items()): value for family in families for name, labels, value in family["samples"]}


WORKERS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(["200", "422", "503"]), st.integers(1, 9)),
        st.integers(0, 9),
        st.lists(st.sampled_from([0.5, 1.5, 2.5])),
        st.booleans(),
    ),
    min_size=1,
)


@given(WORKERS)
def test_counts_are_sums_over_all_and_gauges_over_those_that_run(workers):
    """Beside sums by hand."""
    running = [worker(*counted) for *counted, runs in workers if runs]
    ended = [worker(*counted) for *counted, runs in workers if not runs]

    found = values(merged(running, ended))

    for status in ("200", "422", "503"):
        total = sum(requests.get(status, 0) for requests, *_ in workers)
        assert found.get(("requests_total", ("status", status)), 0) == total
    assert found[("duration_seconds_bucket", ("le", "2.0"))] == sum(
        sum(value <= 2 for value in seconds) for _, _, seconds, _ in workers
    )
    if running:
        assert found["queue",] == sum(waiting for _, waiting, _, runs in workers if runs)
        assert found["backscore_database_up",] == min(waiting < 5 for _, waiting, _, runs in workers if runs)
    else:
        assert ("queue",) not in found


def test_whoever_is_asked_tells_the_same(tmp_path):
    """Two workers that run: each adds the other's file to what it counts."""
    first, second = SharedFolder(tmp_path), SharedFolder(tmp_path, os.getppid())
    first.publish(worker({"200": 1}, 1))

    assert values(second.gather(worker({"200": 10}, 2)))["requests_total", ("status", "200")] == 11
    assert values(first.gather(worker({"200": 3}, 1)))["requests_total", ("status", "200")] == 13
    assert values(first.gather(worker({"200": 3}, 1)))["queue",] == 3


def test_counts_of_the_ended_stay_and_their_files_go(tmp_path, ended_pid):
    """A worker that ended, in good order or not, is counted on; the next one that starts tidies up."""
    SharedFolder(tmp_path, ended_pid).publish(worker({"200": 5}, 7))
    before = values(SharedFolder(tmp_path, os.getppid()).gather(worker({"200": 1}, 1)))
    files = {file.name for file in tmp_path.glob("*.json")}
    again = SharedFolder(tmp_path, ended_pid)
    again.publish(worker({"200": 2}, 3))
    last = values(SharedFolder(tmp_path).gather(worker({"200": 0}, 1)))

    assert before["requests_total", ("status", "200")] == 6
    assert before["queue",] == 1
    assert files == {ENDED, f"{os.getppid()}.json"}
    assert last["requests_total", ("status", "200")] == 5 + 1 + 2
    assert last["queue",] == 2


def test_threads_and_processes_do_not_get_in_each_others_way(tmp_path):
    """One publishes while others read: no file is read half-written or lost."""
    first, second = SharedFolder(tmp_path), SharedFolder(tmp_path, os.getppid())
    second.publish(worker({"200": 5}, 1))

    def ask(number):
        if number % 2:
            first.publish(worker({"200": 2}, 1))
        else:
            asked = first if number % 4 else second
            assert asked.gather(worker({"200": 2 if asked is first else 5}, 1))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(200)))

    assert values(first.gather(worker({"200": 2}, 1)))["requests_total", ("status", "200")] == 7
