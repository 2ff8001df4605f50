"""Reading a request's body: of an accepted type, and never more of it than allowed."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive
from starlette.types import Scope as AsgiScope

from service.errors import BodyTooLargeError, ContentCodingError, MediaTypeError

JSON = "application/json"
CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"


def media_type(scope: AsgiScope, accepted: Sequence[str]) -> str:
    """The body's type without its parameters; MediaTypeError names the accepted ones."""
    given = _header(scope, b"content-type").decode("latin-1")
    kind = given.partition(";")[0].strip().lower()
    if kind not in accepted:
        raise MediaTypeError(given, accepted)
    return kind


async def read_body(scope: AsgiScope, receive: Receive, limit: int) -> bytes:
    """The whole body.

    Raises
    ------
    BodyTooLargeError
        It has more than `limit` bytes; said as soon as that is known.
    ContentCodingError
        It is compressed.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value[:20]) > limit:
            raise BodyTooLargeError(limit)
        if name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            raise ContentCodingError(value.decode("latin-1"))
    body: bytes | bytearray = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        if len(body) + len(part) > limit:
            raise BodyTooLargeError(limit)
        if body:  # one that grows in place, since parts may be as small as a byte, and each alone takes 33 more
            body = body if isinstance(body, bytearray) else bytearray(body)
            body += part
        else:
            body = part
        more = message.get("more_body", False)
    return bytes(body)


def is_crowded(body: bytes, most_values: int) -> bool:
    """Whether JSON holds more values than so many; told from its commas, before a parser makes room for them.

    What the parser makes takes up to a hundred times the bytes, and every unknown name takes time. Commas within texts
    count as well, so `most_values` has to be generous.
    """
    return len(body) > most_values and body.count(b",") >= most_values


async def json_body(request: Request, limit: int) -> bytes:
    """The body of a request that must be JSON."""
    return await read_json(request.scope, request.receive, limit)


async def read_json(scope: AsgiScope, receive: Receive, limit: int) -> bytes:
    """The same without the framework's request around it."""
    if _header(scope, b"content-type") != b"application/json":  # as nearly everybody spells it
        media_type(scope, (JSON,))
    return await read_body(scope, receive, limit)


def _header(scope: AsgiScope, name: bytes) -> bytes:
    """The first header of that name; empty if there is none."""
    for given, value in scope["headers"]:
        if given == name:
            found: bytes = value
            return found
    return b""
