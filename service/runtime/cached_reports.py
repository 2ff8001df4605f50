"""CachedReports: what takes seconds to find out from what is recorded, for everybody who asks meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, TypeVar

from service.runtime.memory import give_back

T = TypeVar("T")

MAX_KEPT = 100
"""CachedReports that are kept; the one found first goes first."""
NOT_KEPT = timedelta(0)


class CachedReports:
    """Makes findings one at a time in a thread of their own, and keeps them as long as they are fresh."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "findings")
        self._found: dict[Hashable, tuple[datetime, Any]] = {}
        self._under_way: dict[Hashable, asyncio.Task[Any]] = {}

    async def of(self, asked: Hashable, find: Callable[[], T], *, now: datetime, fresh_for: timedelta = NOT_KEPT) -> T:
        """What `find` finds, or has found for somebody else who asked the same no longer ago than `fresh_for`.

        Who asks while it is being made waits for the same one; it goes on if they do not wait.
        """
        if (kept := self.found(asked, now=now, fresh_for=fresh_for)) is not None:
            known: T = kept
            return known
        task = self._under_way.get(asked)
        if task is None:
            task = self._under_way[asked] = asyncio.create_task(self._make(asked, find, now))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # also if nobody waits any more
        made: T = await asyncio.shield(task)
        return made

    def found(self, asked: Hashable, *, now: datetime, fresh_for: timedelta) -> Any | None:
        """What was found no longer ago than `fresh_for`; None, and no work, if nothing was."""
        computed, found = self._found.get(asked, (None, None))
        return found if computed is not None and now - fresh_for < computed <= now else None

    async def _make(self, asked: Hashable, find: Callable[[], T], now: datetime) -> T:
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._thread, _made, find)
            self._found.pop(asked, None)
            self._found[asked] = now, found
            if len(self._found) > MAX_KEPT:
                del self._found[next(iter(self._found))]
            return found
        finally:
            del self._under_way[asked]


def _made(find: Callable[[], T]) -> T:
    """The finding, without the memory that it took to make it."""
    try:
        return find()
    finally:
        give_back()
