"""Reading of request bodies, with checks of media type and size."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive
from starlette.types import Scope as AsgiScope

from data.files.uploads import MAX_IN_LISTS
from data.table import Table
from service.errors import BodyTooLargeError, ContentCodingError, MediaTypeError

JSON = "application/json"
CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"


def media_type(scope: AsgiScope, accepted: Sequence[str]) -> str:
    """The body's media type without parameters; MediaTypeError names the accepted ones."""
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
        It has more than `limit` bytes; raised as soon as that is known.
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
        if body:  # grow in place: parts may be single bytes, and a list of them would take 33 bytes of overhead each
            body = body if isinstance(body, bytearray) else bytearray(body)
            body += part
        else:
            body = part
        more = message.get("more_body", False)
    return bytes(body)


def is_crowded(body: bytes, max_values: int) -> bool:
    """Whether a JSON body has more than `max_values` values, estimated from its commas before parsing.

    Parsed values take up to a hundred times the bytes, and every unknown name takes time. Commas within strings count,
    too, so `max_values` must be generous.
    """
    return len(body) > max_values and body.count(b",") >= max_values


def most_batch_values(table: Table, max_rows: int) -> int:
    """Commas from which on a batch of so many rows `is_crowded`: generous, and bounded where rows hold lists."""
    usual = 4 * max_rows * (len(table.inputs) + 1)
    in_lists = max_rows * sum(column.most_numbers or 0 for column in table.inputs)
    return usual + min(in_lists, MAX_IN_LISTS)


async def json_body(request: Request, limit: int) -> bytes:
    """The body of a request whose media type must be JSON."""
    return await read_json(request.scope, request.receive, limit)


async def read_json(scope: AsgiScope, receive: Receive, limit: int) -> bytes:
    """The body as from `json_body`, without the cost of a `Request`."""
    if _header(scope, b"content-type") != b"application/json":  # fast path for the usual spelling
        media_type(scope, (JSON,))
    return await read_body(scope, receive, limit)


def _header(scope: AsgiScope, name: bytes) -> bytes:
    """The first header of that name; empty if there is none."""
    for given, value in scope["headers"]:
        if given == name:
            found: bytes = value
            return found
    return b""
