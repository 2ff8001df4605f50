"""CachedReports: reports on the audit log that take seconds, computed once for concurrent requests.

The queue is bounded, and a report that nobody waits for any more is not begun: else a client that asks for many, and
leaves, would keep everybody from theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from service.errors import OverloadedError
from service.runtime.memory import give_back

T = TypeVar("T")

MAX_KEPT = 100
"""Cached reports; the oldest one is evicted first."""
MAX_WAITING = 16
"""Reports that wait for the one under way."""
NOT_KEPT = timedelta(0)


@dataclass(eq=False)
class Computation:
    """A report that is computed or waits for it, and the number of requests that wait for it."""

    future: Future[Any]
    result: asyncio.Future[Any]
    n_requests: int = 0


class CachedReports:
    """Computes reports one at a time in a thread of its own, and caches them while they are fresh."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "report")
        self._found: dict[Hashable, tuple[datetime, Any]] = {}
        self._under_way: dict[Hashable, Computation] = {}

    async def of(self, key: Hashable, find: Callable[[], T], *, now: datetime, fresh_for: timedelta = NOT_KEPT) -> T:
        """The cached report of this key if it is younger than `fresh_for`, else the result of `find`.

        Concurrent requests for a key share one computation; once begun, it goes on if they are cancelled.

        Raises
        ------
        OverloadedError
            Too many reports wait already.
        """
        if (kept := self.found(key, now=now, fresh_for=fresh_for)) is not None:
            known: T = kept
            return known
        computation = self._under_way.get(key) or self._put(key, find, now)
        computation.n_requests += 1
        try:
            made: T = await asyncio.shield(computation.result)
            return made
        finally:
            computation.n_requests -= 1
            if computation.n_requests == 0 and computation.future.cancel():
                self._forget(key, computation)

    def found(self, key: Hashable, *, now: datetime, fresh_for: timedelta) -> Any | None:
        """The cached report of this key if it is younger than `fresh_for`, else None; computes nothing."""
        computed, found = self._found.get(key, (None, None))
        return found if computed is not None and now - fresh_for < computed <= now else None

    def _put(self, key: Hashable, find: Callable[[], T], now: datetime) -> Computation:
        if len(self._under_way) > MAX_WAITING:
            raise OverloadedError(f"{MAX_WAITING} reports wait to be computed")
        future = self._thread.submit(_made, find)
        computation = self._under_way[key] = Computation(future, asyncio.wrap_future(future))
        computation.result.add_done_callback(lambda done: self._done(key, computation, done, now))
        return computation

    def _done(self, key: Hashable, computation: Computation, done: asyncio.Future[Any], now: datetime) -> None:
        self._forget(key, computation)
        # reads the exception even if no request waits any more, or asyncio logs it as never retrieved
        if done.cancelled() or done.exception() is not None:
            return
        self._found.pop(key, None)
        self._found[key] = now, done.result()
        if len(self._found) > MAX_KEPT:
            del self._found[next(iter(self._found))]

    def _forget(self, key: Hashable, computation: Computation) -> None:
        if self._under_way.get(key) is computation:
            del self._under_way[key]


def _made(find: Callable[[], T]) -> T:
    """The result of `find`, with the memory of its computation released."""
    try:
        return find()
    finally:
        give_back()
