"""BatchThreads: where requests with many rows are answered, while the event loop answers others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.requests import ClientDisconnect

from models.cores import usable_cores
from service.middleware.exchange import Exchange
from service.runtime.memory import give_back

LARGE_BYTES = 4 * 2**20
"""Bodies above this leave memory behind that is worth giving back."""


class BatchThreads:
    """As many threads as cores; more batches at once would only take memory from one another."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(usable_cores())

    async def answer(self, work: Callable[[bytes], bytes], read: Awaitable[bytes], exchange: Exchange) -> bytes:
        """The answer that the work gives to a body, which is read here so that nobody else holds on to it.

        Raises
        ------
        ClientDisconnect
            The exchange was cut short before a thread was free, so nobody would get the answer.
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
