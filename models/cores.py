"""Limits threads to the cores that this process may use, which can be fewer than the machine has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import joblib
from threadpoolctl import threadpool_info, threadpool_limits


def usable_cores() -> int:
    """Cores that the affinity, and the quota of the control group (rounded up), let this process use."""
    n_cores: int = joblib.cpu_count()
    return n_cores


@contextmanager
def threads_within_cores() -> Iterator[None]:
    """Limit BLAS and OpenMP, which count the machine's cores, to the usable ones.

    More threads exhaust a container's CPU quota early in each period, and then all are throttled. Lower limits, such as
    OMP_NUM_THREADS, are kept.
    """
    n_cores = usable_cores()
    limits = {library["prefix"]: min(library["num_threads"], n_cores) for library in threadpool_info()}
    with threadpool_limits(limits):
        yield
