"""Exchange: one request and its response."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from starlette.responses import Response
from starlette.types import Message, Receive, Send
from starlette.types import Scope as AsgiScope

Header = tuple[bytes, bytes]
ABORT_CONNECTION = "backscore.abort_connection"
"""Key of the scope under which the server offers to end the connection."""


class Exchange:
    """The state of a request, from its first byte to the last of its response.

    Wraps the server's `receive` and `send`; the application calls those of this object.

    Parameters
    ----------
    request_id : value of X-Request-ID.
    headers : added to the response, also to that of an abort.

    Attributes
    ----------
    started, since : start of the request, and arrival of the last part of its body, by `perf_counter`.
    is_reading : whether the application waits for more of the body, and not just for a disconnect.
    n_bytes : bytes of a body in several parts, received so far.
    status : HTTP status of the response once it has begun; None before.
    aborted : whether `abort` answered in place of the application, whose own response is dropped.
    has_key : whether the request was let in with a right key, or on a path that needs none; None before.
    make_room : called with the size of each part of a body in several parts; raises if there is no room.
    take_place : called by `let_in`; raises if there is no room.
    """

    __slots__ = (
        "_has_body",
        "_receive",
        "_send",
        "aborted",
        "has_key",
        "headers",
        "is_reading",
        "make_room",
        "n_bytes",
        "request_id",
        "since",
        "started",
        "status",
        "take_place",
        "task",
    )

    def __init__(self, receive: Receive, send: Send, request_id: str, headers: Sequence[Header]) -> None:
        self._receive, self._send = receive, send
        self.request_id, self.headers = request_id, headers
        self.started = self.since = perf_counter()
        self.is_reading = self.aborted = self._has_body = False
        self.n_bytes = 0
        self.status: int | None = None
        self.make_room: Callable[[int], object] | None = None
        self.has_key: bool | None = None
        self.take_place: Callable[[bool], object] | None = None
        self.task: asyncio.Task[Any] | None = None

    def let_in(self, *, has_key: bool) -> None:
        """Take a place in flight, among those with a right key or without any; OverloadedError if there is none."""
        if self.take_place is not None:
            self.take_place(has_key)
            self.has_key = has_key

    async def receive(self) -> Message:
        """The next message of the request; not safe for concurrent calls."""
        self.is_reading = not self._has_body
        message = await self._receive()
        self.is_reading, self._has_body = False, not message.get("more_body")
        if message.get("more_body") or self.n_bytes:
            n_more = len(message.get("body", b""))
            self.n_bytes += n_more
            if self.make_room is not None:
                self.make_room(n_more)
        self.since = perf_counter()
        return message

    async def send(self, message: Message) -> None:
        """Send the next message of the response, unless aborted."""
        if self.aborted:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self.headers]
        await self._send(message)

    async def abort(self, scope: AsgiScope, answer: Response) -> None:
        """Answer in place of the application, and drop its own response.

        A response that has begun cannot be replaced: the application is cancelled, and the connection ends.
        """
        if self.status is not None:
            if self.task is not None:
                self.task.cancel()
            self.disconnect(scope)
            return
        self.aborted, self.status = True, answer.status_code
        answer.raw_headers.extend([*self.headers, (b"connection", b"close")])
        await answer(scope, self._receive, self._send)

    def disconnect(self, scope: AsgiScope) -> None:
        """End the connection at once, with what is unsent: a client that does not read would keep it open."""
        if (abort := scope.get(ABORT_CONNECTION)) is not None:
            abort()
