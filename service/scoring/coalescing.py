"""Coalescing: processing of all queued items at once, since many cost little more than one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeAlias, TypeVar

from models.errors import DatabaseError

Item = TypeVar("Item")
Work: TypeAlias = Callable[[Sequence[Item]], object]
Failed: TypeAlias = Callable[[Sequence[Item], Exception], object]

_DEFERRED, _NOW, _STOP = 1, 2, 3
"""Signals to the thread, by urgency."""


def work_in_groups(
    items: Iterable[Item], key: Callable[[Item], Hashable], work: Work[Item], failed: Failed[Item]
) -> None:
    """Process items grouped by key, in the order of first appearance.

    Parameters
    ----------
    failed : receives the items that failed, and the error; see `work_together`.
    """
    groups: dict[Hashable, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    for group in groups.values():
        work_together(group, work, failed)


def work_together(group: Sequence[Item], work: Work[Item], failed: Failed[Item]) -> None:
    """Process items together; if that fails, one by one, so that a bad item fails alone.

    A database failure would recur for each item, so it fails the whole group.
    """
    try:
        work(group)
    except Exception as error:  # any kind: a caller waits for each item
        if len(group) == 1 or isinstance(error, DatabaseError):
            failed(group, error)
        else:
            for item in group:
                work_together([item], work, failed)


class CoalescingWorker(Generic[Item]):
    """A thread that processes queued items in groups, between `start` and `close`.

    It adds no latency: a single item is processed at once, and items that arrive meanwhile form the next group. Only
    deferred items wait a moment for company.

    Parameters
    ----------
    name : of the thread.
    work, failed, key : see `work_in_groups`.
    size, max_size : items are taken until their sizes add up to at least `max_size`.
    rest_seconds : wait for deferred items; cut short by an item that is not deferred.
    """

    def __init__(
        self,
        name: str,
        work: Work[Item],
        failed: Failed[Item],
        *,
        key: Callable[[Item], Hashable],
        size: Callable[[Item], int] = lambda _item: 1,
        max_size: int = 2**31,
        rest_seconds: float = 0.0,
    ) -> None:
        self._work, self._failed, self._key = work, failed, key
        self._size, self._max_size, self._rest_seconds = size, max_size, rest_seconds
        self._waiting: deque[Item] = deque()
        self._signals: SimpleQueue[int] = SimpleQueue()
        self._signalled = 0
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def __len__(self) -> int:
        """Number of queued items."""
        return len(self._waiting)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Process what is queued, and stop the thread."""
        self._signals.put(_STOP)
        self._thread.join()

    def put(self, item: Item, *, deferred: bool = False) -> None:
        """Queue an item; thread-safe."""
        self._waiting.append(item)
        signal = _DEFERRED if deferred else _NOW
        if self._signalled < signal:  # read after the item was added: the thread resets it before it takes items
            self._signalled = signal
            self._signals.put(signal)

    def _run(self) -> None:
        signal = _DEFERRED
        while signal != _STOP:
            signal = self._signals.get()
            if signal == _DEFERRED:
                with suppress(Empty):
                    signal = self._signals.get(timeout=self._rest_seconds)
            self._signalled = 0
            for items in self._take():
                work_in_groups(items, self._key, self._work, self._failed)

    def _take(self) -> Iterator[list[Item]]:
        """The items queued now, in parts of about `max_size`; later ones come with their own signal."""
        n_left = len(self._waiting)
        while n_left:
            items: list[Item] = []
            size = 0
            while n_left and size < self._max_size:
                items.append(self._waiting.popleft())
                size += self._size(items[-1])
                n_left -= 1
            yield items
