"""Submitted forms: read within limits, and only from pages of this service."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from service.access.sessions import TOKEN_FIELD, Sessions, token_in_header
from service.errors import InvalidRequestError
from service.requests.bodies import media_type, read_body
from service.requests.field_errors import MAX_VALUES, crowded_error, request_error

FORM = "application/x-www-form-urlencoded"
MAX_SHORT_BYTES = 16_384
"""Size of a form that needs no key, and up to which forms are parsed on the event loop."""
Body = TypeVar("Body", bound=BaseModel)


async def read_form(request: Request, sessions: Sessions, limit: int) -> dict[str, str]:
    """The fields of a form submitted from a page of this service; of repeated fields the last.

    Raises
    ------
    MediaTypeError, BodyTooLargeError, InvalidRequestError
        Not a form, more than `limit` bytes, or too many fields.
    ForeignRequestError
        The token is missing or wrong, see `service.access.sessions`.
    """
    media_type(request.scope, (FORM,))
    body = await read_body(request.scope, request.receive, limit)
    if len(body) > MAX_SHORT_BYTES:  # may take a tenth of a second
        form = await asyncio.to_thread(_fields, body)
    else:
        form = _fields(body)
    sessions.check(request.scope, form.pop(TOKEN_FIELD, "") or token_in_header(request.scope))
    return form


def _fields(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_VALUES))
    except ValueError:
        raise crowded_error(MAX_VALUES) from None


def checked(form: Mapping[str, str], model: type[Body], **more: object) -> Body:
    """The form as a model, checked as the body of the API request would be; other fields are ignored.

    Parameters
    ----------
    more : values that are not in the form.

    Raises InvalidRequestError.
    """
    given = {name: text for name, text in form.items() if name in model.model_fields}
    try:
        return model.model_validate({**given, **more})
    except ValidationError as error:
        found = request_error(error, columns=())
        assert isinstance(found, InvalidRequestError)  # noqa: S101 - nothing was parsed as JSON here
        raise found from None
