"""Reading a request's body: of an accepted type, and never more of it than allowed."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope

from service.errors import BodyTooLargeError, MediaTypeError

JSON = "application/json"
CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"


def media_type(scope: Scope, accepted: Sequence[str]) -> str:
    """The body's type without its parameters; MediaTypeError names the accepted ones."""
    given = _header(scope, b"content-type").decode("latin-1")
    kind = given.partition(";")[0].strip().lower()
    if kind not in accepted:
        raise MediaTypeError(given, accepted)
    return kind


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body; BodyTooLargeError as soon as it is known to have more than `limit` bytes."""
    announced = _header(scope, b"content-length")
    if announced.isdigit() and int(announced[:20]) > limit:
        raise BodyTooLargeError(limit)
    parts, n_bytes, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        n_bytes += len(part)
        if n_bytes > limit:
            raise BodyTooLargeError(limit)
        parts.append(part)
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def json_body(request: Request, limit: int) -> bytes:
    """The body of a request that must be JSON."""
    return await read_json(request.scope, request.receive, limit)


async def read_json(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The same without the framework's request around it."""
    if _header(scope, b"content-type") != b"application/json":  # as nearly everybody spells it
        media_type(scope, (JSON,))
    return await read_body(scope, receive, limit)


def _header(scope: Scope, name: bytes) -> bytes:
    """The first header of that name; empty if there is none."""
    for given, value in scope["headers"]:
        if given == name:
            found: bytes = value
            return found
    return b""
