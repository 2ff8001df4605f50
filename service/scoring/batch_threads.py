"""BatchThreads: a thread pool for requests with many rows, which keeps the event loop free."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.requests import ClientDisconnect

from models.cores import usable_cores
from service.middleware.exchange import Exchange
from service.runtime.memory import give_back

LARGE_BYTES = 4 * 2**20
"""Size of a body from which on freed memory is returned to the operating system."""


class BatchThreads:
    """As many threads as cores; more concurrent batches would need more memory and be no faster."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(usable_cores())

    async def answer(self, work: Callable[[bytes], bytes], read: Awaitable[bytes], exchange: Exchange) -> bytes:
        """Read a body and apply the work to it; the body is read here so that its memory can be freed here.

        Raises
        ------
        ClientDisconnect
            The exchange was aborted before a thread was free, so the answer would be dropped.
        """
        body = await read
        is_large = len(body) > LARGE_BYTES

        def unless_cut_short(body: bytes) -> bytes:
            if exchange.aborted:
                raise ClientDisconnect
            return work(body)

        try:
            return await anyio.to_thread.run_sync(unless_cut_short, body, limiter=self._limiter)
        finally:
            del body
            if is_large:
                await anyio.to_thread.run_sync(give_back)
