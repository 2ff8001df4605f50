"""CachedReports: reports on the audit log that take seconds, computed once for concurrent requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, TypeVar

from service.runtime.memory import give_back

T = TypeVar("T")

MAX_KEPT = 100
"""Cached reports; the oldest one is evicted first."""
NOT_KEPT = timedelta(0)


class CachedReports:
    """Computes reports one at a time in a thread of its own, and caches them while they are fresh."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "report")
        self._found: dict[Hashable, tuple[datetime, Any]] = {}
        self._under_way: dict[Hashable, asyncio.Task[Any]] = {}

    async def of(self, key: Hashable, find: Callable[[], T], *, now: datetime, fresh_for: timedelta = NOT_KEPT) -> T:
        """The cached report of this key if it is younger than `fresh_for`, else the result of `find`.

        Concurrent requests for a key share one computation, which goes on if they disconnect.
        """
        if (kept := self.found(key, now=now, fresh_for=fresh_for)) is not None:
            known: T = kept
            return known
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(self._make(key, find, now))
            # read the exception even if no request waits any more, or asyncio logs it as never retrieved
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        made: T = await asyncio.shield(task)
        return made

    def found(self, key: Hashable, *, now: datetime, fresh_for: timedelta) -> Any | None:
        """The cached report of this key if it is younger than `fresh_for`, else None; computes nothing."""
        computed, found = self._found.get(key, (None, None))
        return found if computed is not None and now - fresh_for < computed <= now else None

    async def _make(self, key: Hashable, find: Callable[[], T], now: datetime) -> T:
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._thread, _made, find)
            self._found.pop(key, None)
            self._found[key] = now, found
            if len(self._found) > MAX_KEPT:
                del self._found[next(iter(self._found))]
            return found
        finally:
            del self._under_way[key]


def _made(find: Callable[[], T]) -> T:
    """The result of `find`, with the memory of its computation released."""
    try:
        return find()
    finally:
        give_back()
