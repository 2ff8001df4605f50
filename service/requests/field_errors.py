"""Field errors: pydantic's validation errors, worded by the columns of a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from data.column import Column
from data.numbers import MAX_SIZE
from models.errors import EventError, RefusedBodyError
from service.errors import FieldError, InvalidJsonError, InvalidRequestError, shortened

_ABOUT_SEVERAL_VALUES = frozenset({"dict_type", "list_type", "too_short", "too_long", "range"})
"""Types of errors about a list or range of a column's values rather than one value."""
MAX_VALUES = 10_000
"""Maximum number of values in a body that is no batch."""
MAX_SUGGESTIONS = 10
"""Unknown names of a body that get one: each takes up to half a millisecond."""
MAX_LETTERS_OF_A_SLIP = 60
"""Longer names get no suggestion, since the search for similar ones takes quadratic time."""
SAFE_INTEGER = 2**53  # beyond it JSON parsers lose digits, and huge integers cannot be serialized at all


def request_error(
    error: ValidationError, columns: Sequence[Column], n_errors: int | None = None
) -> InvalidJsonError | InvalidRequestError:
    """The service's own error for a body that pydantic refused.

    Parameters
    ----------
    columns : of the model's table, which word the messages; empty for other bodies.
    n_errors : of the whole body, if `error` is of a part of it.
    """
    found = error.errors(include_url=False, include_context=False)
    if found[0]["type"] == "json_invalid":
        return InvalidJsonError(found[0]["msg"])
    return InvalidRequestError(field_errors(error, columns), n_errors or error.error_count())


def crowded_error(max_values: int) -> InvalidRequestError:
    """The service's own error for a body with too many values, see `service.requests.bodies.is_crowded`."""
    return InvalidRequestError([FieldError(path="", message=f"must not have more than {max_values:,} values")])


def refusal_error(error: RefusedBodyError) -> InvalidRequestError:
    """The service's own error for a body that breaks a rule of its domain."""
    return InvalidRequestError(
        [FieldError(path=json_pointer(f.place), message=f.message, value=shown(f.value)) for f in error.fields]
    )


def event_field(error: EventError, prefix: Sequence[str | int] = ()) -> FieldError:
    """The value for which an event cannot be scored; `prefix` is the path of the event in the body."""
    return FieldError(path=json_pointer([*prefix, error.column]), message=error.message, value=shown(error.value))


def parameter_error(error: RequestValidationError) -> InvalidRequestError:
    """The service's own error for parameters that the framework refused."""
    return InvalidRequestError(
        [
            FieldError(
                path=f"?{details['loc'][1]}", message=_in_our_words(details["msg"]), value=_sent(details["input"])
            )
            for details in error.errors()
        ]
    )


def _sent(value: Any) -> Any:
    """A parameter, safe to echo; repeatable ones are lists."""
    return shown(",".join(value) if isinstance(value, list) else value)


def field_errors(
    error: ValidationError,
    columns: Sequence[Column],
    prefix: Sequence[str | int] = (),
    *,
    max_errors: int = InvalidRequestError.n_shown,
    suggest: bool = True,
) -> list[FieldError]:
    """The first errors that pydantic found, worded by the columns.

    Parameters
    ----------
    prefix : path of the invalid part in the body, e.g. ("rows", 17).
    max_errors : maximum number of errors; a hostile body has hundreds of thousands.
    suggest : whether to suggest a similar column for the first MAX_SUGGESTIONS unknown names.
    """
    by_name = {column.name: column for column in columns}
    found = error.errors(include_url=False, include_context=False)[:max_errors]
    worded, n_suggested = [], 0
    for details in found:
        suggests = suggest and n_suggested < MAX_SUGGESTIONS
        worded.append(_field_error(details, by_name, prefix, suggest=suggests))
        n_suggested += details["type"] == "extra_forbidden"
    return worded


def json_pointer(parts: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901), e.g. /candidates/3/bid; empty for the whole document. Long names are shortened."""
    return "".join("/" + shortened(str(part)).replace("~", "~0").replace("/", "~1") for part in parts)


def shown(value: object) -> Any:
    """A value, safe to echo: plain JSON of at most 100 characters."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= SAFE_INTEGER else f"an integer of {value.bit_length()} bits"
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict | list | tuple):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    return shortened(str(value))


def _field_error(
    details: ErrorDetails, columns: dict[str, Column], prefix: Sequence[str | int], *, suggest: bool
) -> FieldError:
    place = details["loc"]
    name = place[-1] if place else None
    column = columns.get(name) if isinstance(name, str) else None
    value = details["input"]
    of_list = columns.get(place[-2]) if len(place) > 1 and isinstance(place[-2], str) else column
    if details["type"] == "missing":
        value = None  # pydantic shows the whole row here
        message = f"is missing; it must be {column.allowed}" if column else "is missing"
    elif details["type"] == "extra_forbidden":
        message = why_not_taken(name, column, columns, suggest=suggest)
    elif of_list is not None and of_list.kind == "numbers":
        message = _about_numbers(details, of_list)
    elif column and column.kind in ("number", "flag", "time") and details["type"] not in _ABOUT_SEVERAL_VALUES:
        message = f"must be {column.allowed}"
    else:
        message = _in_our_words(details["msg"])
    return FieldError(path=json_pointer([*prefix, *place]), message=message, value=shown(value))


def _about_numbers(details: ErrorDetails, column: Column) -> str:
    """What a list of numbers must be, or one of the numbers in it."""
    value = details["input"]
    if isinstance(details["loc"][-1], int):
        return "must be a number" + (" above 0" if column.positive_numbers else f" from {-MAX_SIZE:g} to {MAX_SIZE:g}")
    has = f"; it has {len(value):,}" if isinstance(value, list | tuple) else ""
    return f"must be {column.allowed}{has}"


def _in_our_words(message: str) -> str:
    return message.replace("Input should be", "must be")


def why_not_taken(name: object, column: Column | None, columns: Mapping[str, Column], *, suggest: bool = True) -> str:
    """The message for a field that is not an input.

    Parameters
    ----------
    column : the column of that name, if any. columns : of the model's table, by name.
    """
    if column is None:
        inputs = [known.name for known in columns.values() if known.requested and suggest]
        near = get_close_matches(str(name), inputs, n=1) if len(str(name)) <= MAX_LETTERS_OF_A_SLIP else ()
        return "unknown field" + (f"; did you mean {near[0]!r}?" if near else "")
    if column.role == "target":
        return f"{name} is the target of this model, not an input"
    if column.protected:
        return f"{name} is protected, not an input of this model"
    if column.window is not None:
        return f"{name} is computed from earlier rows; leave it out"
    if column.role in ("weight", "propensity", "ignore"):
        return f"{name} is a column of the table, but not an input of this model"
    return f"{name} is not allowed here"
