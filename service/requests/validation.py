"""Validation of JSON bodies in bounded time, however many of their fields are wrong.

Pydantic reports every error of a body, at a few microseconds each, and holds the interpreter meanwhile. So bodies with
many unknown names are refused before it, and only the first items of a list are looked at again if it finds too much.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from data.column import Column
from service.errors import FieldError, InvalidJsonError, InvalidRequestError, shortened
from service.requests.field_errors import request_error, why_not_taken

MANY_NAMES = 500
"""Bodies with at most as many colons are validated at once, which takes a millisecond or two."""
MAX_UNKNOWN = 100
MAX_ERRORS = 1_000
N_ITEMS = 20
"""Items of each list that are looked at again if there are more than MAX_ERRORS errors."""
N_NAMED = 5
_TEXT = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"(\s*:)?', re.DOTALL)
Checked = TypeVar("Checked")


def validated(adapter: TypeAdapter[Checked], body: bytes, columns: Sequence[Column] = ()) -> Checked:
    """The checked body.

    Parameters
    ----------
    columns : of the model's table, which word the errors; empty for other bodies.

    Raises
    ------
    InvalidJsonError, InvalidRequestError
        It is no valid JSON, or does not fit.
    """
    refuse_unknown_names(unknown_names(adapter, body), columns)
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        raise refusal(adapter, body, error, columns) from None


def refusal(
    adapter: TypeAdapter[Any], body: bytes, error: ValidationError, columns: Sequence[Column] = ()
) -> InvalidJsonError | InvalidRequestError:
    """The service's own error for a body that pydantic refused, in a bounded number of words."""
    return request_error(_of_first_items(adapter, body, error), columns, error.error_count())


def unknown_names(adapter: TypeAdapter[Any], body: bytes) -> Iterator[str]:
    """The names of a body that its type does not know, at whatever depth, in their order; none for few names."""
    if body.count(b":") <= MANY_NAMES:
        return
    known = _known_names(adapter)
    if known is None:
        return
    for found in _TEXT.finditer(body):
        if found[2] is not None and found[1] not in known:
            yield found[1].decode("utf-8", "replace")


def refuse_unknown_names(names: Iterator[str], columns: Sequence[Column] = ()) -> None:
    """Raise InvalidRequestError for more than MAX_UNKNOWN names, of which the first N_NAMED are told."""
    first = list(islice(names, N_NAMED))
    n_unknown = len(first) + sum(1 for _ in names)
    if n_unknown > MAX_UNKNOWN:
        by_name = {column.name: column for column in columns}
        told = [f"{shortened(name)!r} ({why_not_taken(name, by_name.get(name), by_name)})" for name in first]
        message = f"has {n_unknown:,} unknown fields: {', '.join(told)} and {n_unknown - len(first):,} more"
        raise InvalidRequestError([FieldError(path="", message=message)])


@lru_cache(maxsize=64)
def _known_names(adapter: TypeAdapter[Any]) -> frozenset[bytes] | None:
    """The names of all fields of a type, as JSON spells them; None if it takes others, or fields by several names."""
    if any(isinstance(part.get("validation_alias"), list) for part in _objects(adapter.core_schema)):
        return None
    parts = list(_objects(adapter.json_schema()))
    if any(part.get("type") == "object" and part.get("additionalProperties") is not False for part in parts):
        return None
    names = {name for part in parts if isinstance(part.get("properties"), dict) for name in part["properties"]}
    return frozenset(spelling for name in names for spelling in _spellings(name))


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    """All dictionaries in a schema, at whatever depth, but those in examples."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting += [value for key, value in part.items() if key not in ("examples", "default")]
        elif isinstance(part, list | tuple):
            waiting += part


def _spellings(name: str) -> set[bytes]:
    return {json.dumps(name, ensure_ascii=ascii)[1:-1].encode() for ascii in (True, False)}


def _of_first_items(adapter: TypeAdapter[Any], body: bytes, error: ValidationError) -> ValidationError:
    """The error, or if it has too many, that of the body with the first items of its lists alone."""
    if error.error_count() <= MAX_ERRORS:
        return error
    document = from_json(body)
    if isinstance(document, dict):
        document = {name: value[:N_ITEMS] if isinstance(value, list) else value for name, value in document.items()}
    try:
        adapter.validate_json(to_json(document))
    except ValidationError as fewer:
        if fewer.error_count() <= MAX_ERRORS:
            return fewer
    n_errors = f"{error.error_count():,}"
    message = f"has {n_errors} invalid values, too many to name; the first {N_ITEMS} items of its lists are valid"
    raise InvalidRequestError([FieldError(path="", message=message)])
