"""Draining: graceful shutdown of a worker, without a failed request.

On SIGTERM, /health/ready turns to not ready, and the worker goes on answering for `seconds`, so that load balancers
stop sending requests. Then the server accepts no new connections, answers requests in flight, and the writers store
what they hold. SIGINT (Ctrl+C) skips the pause. A second signal ends the process at once.
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
    """Signal handlers in front of the server's own.

    Parameters
    ----------
    seconds : pause between not ready and shutdown.
    is_alone : whether this is the only process. One of several workers gets a signal up to three times, from its
        terminal or service manager and from its parent, so it ignores repeated ones; the parent kills it if necessary.

    Attributes
    ----------
    has_begun : whether shutdown has begun.
    """

    def __init__(self, seconds: float, log: FilteringBoundLogger, *, is_alone: bool) -> None:
        self._seconds, self._log, self._is_alone = seconds, log, is_alone
        self._loop: asyncio.AbstractEventLoop | None = None
        self._servers_handlers: dict[int, object] = {}
        self.has_begun = False

    def reasons_not_ready(self) -> list[str]:
        """Reasons why no more requests should be sent; empty before shutdown."""
        return ["shutting down; requests are still answered"] if self.has_begun else []

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle signals; does nothing outside the main thread."""
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
        """Shut down gracefully if the parent of several workers has died, since no signal would come then."""
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
        assert self._loop is not None  # noqa: S101 - handlers are installed only while it runs
        # a handler may interrupt any code, so the loop does the rest
        self._loop.call_soon_threadsafe(self._begin, number)

    def _begin(self, number: int) -> None:
        pause = self._seconds if number == signal.SIGTERM else 0.0
        self._log.info("ending", signal=signal.Signals(number).name, answers_for_seconds=pause)
        asyncio.get_running_loop().call_later(pause, self._end, number)

    def _end(self, number: int) -> None:
        handler = self._servers_handlers[number]
        if callable(handler):
            handler(number, None)
