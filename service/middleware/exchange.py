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


class Exchange:
    """The state of a request, from its first byte to the last of its response.

    Stands between server and application: `receive` and `send` are what the application calls.

    Parameters
    ----------
    request_id : its name.
    headers : go out with the answer, whoever gives it.

    Attributes
    ----------
    started, since : by `perf_counter`: of the request, and of the work on it, which begins when its body is there.
    is_reading : whether the application waits for more of the body; not while it only listens for the client to leave.
    n_bytes : of the body, so far.
    status : of the answer that has begun; None before.
    aborted : whether it was answered in place of the application, whose own response is dropped.
    make_room : asked for room for every part of a body that comes in several; raises if there is none.
    """

    __slots__ = (
        "_has_body",
        "_receive",
        "_send",
        "aborted",
        "headers",
        "is_reading",
        "make_room",
        "n_bytes",
        "request_id",
        "since",
        "started",
        "status",
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
        self.task: asyncio.Task[Any] | None = None

    async def receive(self) -> Message:
        """The next part of the request; to be awaited by one at a time."""
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
        """The next part of the answer."""
        if self.aborted:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self.headers]
        await self._send(message)

    async def abort(self, scope: AsgiScope, answer: Response) -> None:
        """Answer in the application's place, and drop what it may still say.

        An answer that has begun can only be broken off: the application is cancelled, which makes the server close the
        connection.
        """
        if self.status is not None:
            if self.task is not None:
                self.task.cancel()
            return
        self.aborted, self.status = True, answer.status_code
        answer.raw_headers.extend([*self.headers, (b"connection", b"close")])
        await answer(scope, self._receive, self._send)
