"""Draining: how a worker ends without failing a request.

Told to end by SIGTERM, it first says at /health/ready that it is not ready, and goes on answering for `seconds`, so
that load balancers look elsewhere. Then the server takes no new connections, answers what is under way, and the writers
store what they hold. SIGINT, a person's Ctrl+C, does without the pause. A second signal ends the process at once.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from structlog.typing import FilteringBoundLogger

SIGNALS = (signal.SIGTERM, signal.SIGINT)
PARENT_SECONDS = 0.5


class Draining:
    """Stands before the server's own handlers of signals.

    Parameters
    ----------
    seconds : between not being ready and the end.
    is_alone : whether this process is the whole service. One of several workers hears every signal up to three times,
        from its terminal or service manager and from the process above it, which ends it at once if it has to.

    Attributes
    ----------
    has_begun : whether the process was told to end.
    """

    def __init__(self, seconds: float, log: FilteringBoundLogger, *, is_alone: bool) -> None:
        self._seconds, self._log, self._is_alone = seconds, log, is_alone
        self._loop: asyncio.AbstractEventLoop | None = None
        self._servers_handlers: dict[int, object] = {}
        self.has_begun = False

    def reasons_not_ready(self) -> list[str]:
        """Why no more requests should be sent; empty before the end."""
        return ["shutting down; requests are still answered"] if self.has_begun else []

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Heed signals; only a main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._loop = asyncio.get_running_loop()
        self._servers_handlers = {number: signal.signal(number, self._told) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in self._servers_handlers.items():
                signal.signal(number, handler)  # type: ignore[arg-type]

    async def follow_parent(self) -> None:
        """End in good order, as if told, when the process above several workers has died: nobody else would tell."""
        parent = multiprocessing.parent_process()
        if parent is None or self._is_alone:
            return
        while parent.is_alive():
            await asyncio.sleep(PARENT_SECONDS)
        self._log.error("parent process died")
        signal.raise_signal(signal.SIGTERM)

    def _told(self, number: int, _frame: FrameType | None) -> None:
        if self.has_begun:
            if self._is_alone:
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)
            return
        self.has_begun = True
        assert self._loop is not None  # noqa: S101 - handlers stand only while it runs
        # a handler may run in the middle of anything, so the loop does the rest
        self._loop.call_soon_threadsafe(self._begin, number)

    def _begin(self, number: int) -> None:
        pause = self._seconds if number == signal.SIGTERM else 0.0
        self._log.info("ending", signal=signal.Signals(number).name, answers_for_seconds=pause)
        asyncio.get_running_loop().call_later(pause, self._end, number)

    def _end(self, number: int) -> None:
        handler = self._servers_handlers[number]
        if callable(handler):
            handler(number, None)
