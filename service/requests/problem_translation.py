"""HeldProblems: an answer that is sent on as it comes, unless it is a problem, which is told in another form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic_core import from_json
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from service.requests.problems import MEDIA_TYPE

_REPLACED = (b"content-type", b"content-length")


class HeldProblems:
    """One answer; a problem (RFC 9457) is held until it is whole.

    Parameters
    ----------
    send : where the answer goes.
    told : the problem as JSON -> the answer in its place. The headers of the problem stay, but for type and length.
    """

    def __init__(self, send: Send, told: Callable[[dict[str, Any]], Response], scope: Scope, receive: Receive) -> None:
        self._send, self._told, self._scope, self._receive = send, told, scope, receive
        self._start: Message | None = None
        self._problem = b""

    async def send(self, message: Message) -> None:
        """The next part of the answer."""
        if message["type"] == "http.response.start" and (b"content-type", MEDIA_TYPE.encode()) in message["headers"]:
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._problem += message.get("body", b"")
            if not message.get("more_body", False):
                response = self._told(from_json(self._problem))
                response.raw_headers += [pair for pair in self._start["headers"] if pair[0] not in _REPLACED]
                await response(self._scope, self._receive, self._send)
