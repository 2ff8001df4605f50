"""JSON bodies of a fixed type, read without FastAPI, which does not limit their size."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter
from starlette.requests import Request

from service.requests.bodies import is_crowded, json_body
from service.requests.field_errors import MAX_VALUES, crowded_error
from service.requests.validation import validated

WITHOUT_NUL = r"^[^\x00]*$"  # which PostgreSQL cannot store
Body = TypeVar("Body", bound=BaseModel)


def json_body_of(model: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI description of such a body, with its `$defs`, which `service.openapi` moves to the components."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


async def read_json(request: Request, limit: int, model: type[Body], *, max_values: int = MAX_VALUES) -> Body:
    """The validated body.

    Raises
    ------
    MediaTypeError, BodyTooLargeError, InvalidJsonError, InvalidRequestError
        It is no valid JSON, has more than `limit` bytes or `max_values` values, or does not fit the model.
    """
    body = await json_body(request, limit)
    if is_crowded(body, max_values):
        raise crowded_error(max_values)
    checked: Body = validated(_adapter(model), body)
    return checked


@lru_cache(maxsize=64)
def _adapter(model: type[Body]) -> TypeAdapter[Body]:
    return TypeAdapter(model)
