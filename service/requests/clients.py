"""Clients that leave before their response: work for nobody is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from starlette.requests import ClientDisconnect, Request

Found = TypeVar("Found")


async def unless_left(request: Request, work: Awaitable[Found]) -> Found:
    """The result of the work; cancelled with ClientDisconnect once the client has left, or got a 504.

    Reads the body of the request, so it is for requests without one.
    """
    with anyio.CancelScope() as scope:
        listening = asyncio.create_task(_when_left(request, scope.cancel))
        try:
            return await work
        finally:
            listening.cancel()
    raise ClientDisconnect


async def _when_left(request: Request, stop: Callable[[], None]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    stop()
