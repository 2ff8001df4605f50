"""Coalescing: items that wait are worked on together, since many cost little more than one."""

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
    """Work on all items of one key together, in the order in which the keys come.

    Parameters
    ----------
    failed : takes items that cannot be worked on and the reason; see `work_together`.
    """
    groups: dict[Hashable, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    for group in groups.values():
        work_together(group, work, failed)


def work_together(group: Sequence[Item], work: Work[Item], failed: Failed[Item]) -> None:
    """Work on items together; if that fails, one by one, so that a bad item takes no other with it.

    A database that fails would fail for each of them, and so fails the group.
    """
    try:
        work(group)
    except Exception as error:  # of any kind: somebody waits for each item
        if len(group) == 1 or isinstance(error, DatabaseError):
            failed(group, error)
        else:
            for item in group:
                work_together([item], work, failed)


class CoalescingWorker(Generic[Item]):
    """One thread that works on whatever waits, between `start` and `close`.

    It never waits for more: an item that comes alone is worked on at once, and those that come meanwhile are worked on
    together. Only deferred items rest a moment for company.

    Parameters
    ----------
    name : of the thread.
    work, failed, key : see `work_in_groups`.
    size, max_size : items are taken until their sizes add up to at least so much.
    rest_seconds : how long deferred items rest, unless an item comes that is not deferred.
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
        """Number of items that wait."""
        return len(self._waiting)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Work on what waits, and end the thread."""
        self._signals.put(_STOP)
        self._thread.join()

    def put(self, item: Item, *, deferred: bool = False) -> None:
        """Add an item; from any thread."""
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
        """The items that wait now, by at most about `max_size`; those that come later send a signal of their own."""
        n_left = len(self._waiting)
        while n_left:
            items: list[Item] = []
            size = 0
            while n_left and size < self._max_size:
                items.append(self._waiting.popleft())
                size += self._size(items[-1])
                n_left -= 1
            yield items
