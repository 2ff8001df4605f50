"""ErrorBodies: problems in the protocol's words, whoever states them."""

from __future__ import annotations

import re

from pydantic_core import from_json, to_json
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.bodies import JSON
from service.problems import MEDIA_TYPE

PATHS = re.compile(r"/v2(/.*)?", re.DOTALL)
_REPLACED = (b"content-type", b"content-length")


class ErrorBodies:
    """Turn problems (RFC 9457) of the protocol's paths into `{"error": "..."}`; status and headers stay.

    Stands before everything else, so that a missing key and an overloaded service are told in the same way.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and PATHS.fullmatch(scope["path"]):
            send = Translated(send).send
        await self.app(scope, receive, send)


class Translated:
    """One answer, sent on as it comes unless it is a problem, which is held until it is whole."""

    def __init__(self, send: Send) -> None:
        self._send = send
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
                await self._send_error(self._start)

    async def _send_error(self, start: Message) -> None:
        body = to_json({"error": from_json(self._problem)["detail"]})
        kept = [header for header in start["headers"] if header[0] not in _REPLACED]
        own = [(b"content-type", JSON.encode()), (b"content-length", str(len(body)).encode())]
        await self._send({**start, "headers": [*own, *kept]})
        await self._send({"type": "http.response.body", "body": body})
