"""Threads follow the cores that the process may use."""

import joblib
import numpy as np  # noqa: F401 - loads the BLAS that is looked at
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from models.cores import threads_within_cores, usable_cores


def threads():
    """Of each library of threads."""
    return {library["filepath"]: library["num_threads"] for library in threadpool_info()}


@pytest.mark.parametrize(("n_threads", "n_cores"), [(3, 2), (3, 1), (1, 2)])
def test_threads_are_no_more_than_cores(monkeypatch, n_threads, n_cores):
    """More are cut down, fewer stay as they are, and afterwards everything is as before."""
    monkeypatch.setattr(joblib, "cpu_count", lambda: n_cores)

    with threadpool_limits(n_threads):
        before = threads()
        with threads_within_cores():
            assert threads() == {library: min(n, n_cores) for library, n in before.items()}
        assert threads() == before
        assert max(before.values()) == n_threads


def test_a_quota_counts(monkeypatch):
    """A container with half a core has one."""
    monkeypatch.setattr("joblib.externals.loky.backend.context._cpu_count_cgroup", lambda _present: 1)
    assert usable_cores() == 1
