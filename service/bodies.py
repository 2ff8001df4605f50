"""Reading a request's body: of an accepted type, and never more of it than allowed."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request

from service.errors import BodyTooLargeError, MediaTypeError

JSON = "application/json"
CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"


def media_type(request: Request, accepted: Sequence[str]) -> str:
    """The body's type without its parameters; MediaTypeError names the accepted ones."""
    given = request.headers.get("content-type", "")
    kind = given.partition(";")[0].strip().lower()
    if kind not in accepted:
        raise MediaTypeError(given, accepted)
    return kind


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body; BodyTooLargeError as soon as it is known to have more than `limit` bytes."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > limit:
        raise BodyTooLargeError(limit)
    parts, n_bytes = [], 0
    async for part in request.stream():
        n_bytes += len(part)
        if n_bytes > limit:
            raise BodyTooLargeError(limit)
        parts.append(part)
    return b"".join(parts)


async def json_body(request: Request, limit: int) -> bytes:
    """The body of a request that must be JSON."""
    media_type(request, (JSON,))
    return await read_body(request, limit)
