"""Pace: how a thread works beside those who score without making them wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SLICE_SECONDS = 0.001
"""Of work between two rests; what is being scored may have to wait so long for Python's lock."""
SHARE = 0.5
"""Of the time of one core that the others of this process leave."""
MAX_REST = 0.1


class Pace:
    """Rests so much that the thread takes no more than its share of what others leave.

    That is half of a core when nothing else is to do, and a quarter when scoring needs half.

    Parameters
    ----------
    own_seconds, all_seconds : processor time of the thread that asks, and of the whole process.
    clock : seconds.
    sleep : rests.
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
        """Whatever a thread does inside counts; the next time it may be another thread."""
        self._began = self._own_seconds()
        try:
            yield
        finally:
            self._count()

    def rest(self) -> None:
        """Rest if a slice of work is done; to be called at work, often."""
        self._count()
        if self._own < SLICE_SECONDS:
            return
        now, all_now = self._clock(), self._all_seconds()
        others = all_now - self._all_before - self._own
        left = now - self._time_before - others
        # others work during the rest, too: what it leaves unpaid is paid by the next one
        self._debt = max(0.0, self._debt + self._own / SHARE - left)
        self._own, self._all_before, self._time_before = 0.0, all_now, now
        self._sleep(min(self._debt, MAX_REST))

    def _count(self) -> None:
        now = self._own_seconds()
        self._own += now - self._began
        self._began = now
