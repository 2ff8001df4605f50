"""PollingThread: calls a function at intervals, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from structlog.typing import FilteringBoundLogger


class PollingThread:
    """Calls a function at intervals from `start` to `close`, whatever the event loop and the thread pools do meanwhile.

    Parameters
    ----------
    name : of the thread. poll : must be safe beside the event loop; a failure is logged and does not end the thread.
    seconds : pause between two calls.
    """

    def __init__(self, name: str, poll: Callable[[], object], seconds: float, log: FilteringBoundLogger) -> None:
        self._name, self._poll, self._seconds, self._log = name, poll, seconds, log
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Stop the thread after the call that is under way."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            try:
                self._poll()
            except Exception:  # a thread that died silently would freeze what it keeps up to date for good
                self._log.exception("polling failed", what=self._name)
