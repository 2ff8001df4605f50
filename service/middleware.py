"""What happens to every request: it gets a name and a line in the log, and must carry the key where one is set.

Plain ASGI, because a request to `score` takes about as long as a convenient middleware around it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from time import perf_counter
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from service.errors import MissingKeyError
from service.logs import WriteLine
from service.problems import problem_response

REQUEST_ID = b"x-request-id"
CLIENT_LEFT = 499  # the status that nginx gave to a client that closed the connection before the answer
OPEN_PATHS = re.compile(r"/|/health/(live|ready)|/docs(/.*)?|/openapi\.json|/static/.*")
QUIET_PATHS = ("/health/", "/static/")


class RequestLog:
    """Name the request in X-Request-ID, write one line about it, and turn what nobody foresaw into a plain 500.

    An endpoint adds to the line what it puts into the dictionary at `scope["log_fields"]`.

    Parameters
    ----------
    log, write_line : what failed goes to the former, the line about each request to the latter.
    new_id : names requests that come without a name.
    """

    def __init__(
        self, app: ASGIApp, log: FilteringBoundLogger, write_line: WriteLine, new_id: Callable[[], str]
    ) -> None:
        self.app, self.log, self.write_line, self.new_id = app, log, write_line, new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        request_id = scope["request_id"] = _given_id(scope) or self.new_id()
        log_fields: dict[str, Any] = {}
        scope["log_fields"] = log_fields
        status: int | None = None

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (REQUEST_ID, request_id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, send_named)
        except ClientDisconnect:
            status = CLIENT_LEFT
        except Exception as error:
            self.log.exception("request failed", request_id=request_id)
            if status is not None:
                raise  # the server must cut the answer that has begun
            await problem_response(request_id, error)(scope, receive, send_named)
        if not scope["path"].startswith(QUIET_PATHS):
            milliseconds = round((perf_counter() - started) * 1000, 2)
            self.write_line(
                {
                    "method": scope["method"],
                    "path": scope["path"][:200],
                    "status": status,
                    "ms": milliseconds,
                    "request_id": request_id,
                    **log_fields,
                }
            )


class ApiKey:
    """Let only requests with the key reach anything but health, documentation and its assets."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self.app, self.key = app, key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        # What is open is listed rather than what is closed: a path that is spelled in an unforeseen way stays closed
        path = scope["path"].removeprefix(scope.get("root_path", "")) if scope["type"] == "http" else ""
        if scope["type"] == "lifespan" or OPEN_PATHS.fullmatch(path) or self._has_key(scope):
            await self.app(scope, receive, send)
        else:
            await problem_response(scope["request_id"], MissingKeyError())(scope, receive, send)

    def _has_key(self, scope: Scope) -> bool:
        for name, value in scope["headers"]:
            if name == b"x-api-key":
                return secrets.compare_digest(value, self.key)
            if name == b"authorization":
                scheme, _, token = value.partition(b" ")
                return scheme.lower() == b"bearer" and secrets.compare_digest(token.strip(), self.key)
        return False


def _given_id(scope: Scope) -> str | None:
    """The id that the caller, or a proxy before us, gave the request, if it is fit for a log."""
    for name, value in scope["headers"]:
        if name == REQUEST_ID and re.fullmatch(rb"[A-Za-z0-9._-]{1,64}", value):
            given: str = value.decode("ascii")
            return given
    return None
