"""Retired fields: inputs that earlier versions took; they are removed from a body that still holds them.

A body is checked as it is, so that bodies without such fields cost nothing more. Only one that is refused is looked at
again, by the places of its errors.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, TypeAlias

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json, to_json

Place: TypeAlias = tuple[str | int, ...]
EACH = "*"
"""In the path of a row: every element of a list."""


def without_retired(
    body: bytes, error: ValidationError, retired: Collection[str], row_places: Sequence[Place]
) -> tuple[bytes, list[str]]:
    """The body without its retired fields, and their names; the body itself if it has none.

    A field that names a column, such as that of an effect curve, is removed if it names a retired one.

    Parameters
    ----------
    error : why the body was refused.
    row_places : paths of the objects in the body that hold columns, see `models.contract.Operation.row_places`.
    """
    details = error.errors(include_url=False, include_context=False)
    found = {one["loc"]: name for one in details if (name := _retired_name(one, retired, row_places)) is not None}
    if not found:
        return body, []
    content = from_json(body)
    for *way, last in found:
        inside = content
        for step in way:
            inside = inside[step]
        del inside[last]
    return to_json(content, inf_nan_mode="constants"), list(dict.fromkeys(found.values()))


def _retired_name(details: ErrorDetails, retired: Collection[str], row_places: Sequence[Place]) -> str | None:
    """The retired input that an error is about; None if it is about something else."""
    *place, name = details["loc"] or ("",)
    if details["type"] == "extra_forbidden" and name in retired and any(_is_at(place, row) for row in row_places):
        return str(name)
    value: Any = details["input"]
    if details["type"] == "literal_error" and not place and isinstance(value, str) and value in retired:
        return value
    return None


def _is_at(place: Sequence[str | int], row: Place) -> bool:
    return len(place) == len(row) and all(
        isinstance(step, int) if wanted == EACH else step == wanted for step, wanted in zip(place, row, strict=True)
    )


def with_warnings(answer: bytes, warnings: Sequence[str]) -> bytes:
    """An answer in JSON with these warnings after its own."""
    fields = from_json(answer)
    fields["warnings"] = [*fields["warnings"], *warnings]
    return to_json(fields)
