"""Pace: limits a background thread so that scoring requests do not wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SLICE_SECONDS = 0.001
"""Work between two rests; a scoring request may wait so long for the GIL."""
SHARE = 0.5
"""Share of the core time that the rest of the process leaves."""
MAX_REST = 0.1


class Pace:
    """Rests between slices of work, so that the thread takes no more than SHARE of the idle core time.

    That is half a core when nothing else runs, and a quarter when scoring needs half.

    Parameters
    ----------
    own_seconds, all_seconds : processor time of the calling thread, and of the process.
    """

    def __init__(
        self,
        *,
        own_seconds: Callable[[], float] = time.thread_time,
        all_seconds: Callable[[], float] = time.process_time,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._own_seconds, self._all_seconds, self._clock, self._sleep = own_seconds, all_seconds, clock, sleep
        self._all_before, self._time_before = all_seconds(), clock()
        self._began = self._own = self._debt = 0.0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Counts the work of the calling thread inside; later calls may come from other threads."""
        self._began = self._own_seconds()
        try:
            yield
        finally:
            self._count()

    def rest(self) -> None:
        """Rest if a slice of work is done; to be called often."""
        self._count()
        if self._own < SLICE_SECONDS:
            return
        now, all_now = self._clock(), self._all_seconds()
        others = all_now - self._all_before - self._own
        left = now - self._time_before - others
        # others work during the rest too: what it leaves unpaid is paid by the next one
        self._debt = max(0.0, self._debt + self._own / SHARE - left)
        self._own, self._all_before, self._time_before = 0.0, all_now, now
        self._sleep(min(self._debt, MAX_REST))

    def _count(self) -> None:
        now = self._own_seconds()
        self._own += now - self._began
        self._began = now
