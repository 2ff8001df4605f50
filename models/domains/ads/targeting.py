"""Campaign targeting: the levels and ranges that person and context must match."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from data.column import Column, level_text
from data.rows import closed_typed_dict, value_type
from data.table import Table

MAX_LEVELS = 1000
KINDS = ("number", "category", "flag", "key")


class NumberRange(TypedDict):
    """A closed range; a missing bound is unlimited."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    minimum: NotRequired[Annotated[float, Field(strict=True, allow_inf_nan=False)]]
    maximum: NotRequired[Annotated[float, Field(strict=True, allow_inf_nan=False)]]


def targeting_type(table: Table) -> Any:
    """Type of a campaign's targeting: levels or a range for each column of person and context."""
    return closed_typed_dict(
        "Targeting",
        {column.name: NotRequired[_wanted_type(column)] for column in targetable(table)},
        "Targeting: every named column must have one of the levels, or lie in the range.",
    )


def targetable(table: Table) -> list[Column]:
    """The columns that a campaign can target."""
    return [column for column in table.inputs if column.part != "ad" and column.kind in KINDS]


def matches(targeting: Mapping[str, Any], shared: Mapping[str, Any], table: Table) -> bool:
    """Whether person and context match the targeting; a missing value does not match.

    Parameters
    ----------
    targeting : checked, see `targeting_type`.
    shared : the checked columns of person and context.
    """
    return all(_holds(condition, shared.get(name), table[name]) for name, condition in targeting.items())


def _holds(condition: Any, value: Any, column: Column) -> bool:
    if value is None:
        return False
    if column.kind == "number":
        in_range: bool = condition.get("minimum", -inf) <= value <= condition.get("maximum", inf)
        return in_range and value not in column.missing
    return value in condition or level_text(value) in map(level_text, condition)


def _wanted_type(column: Column) -> Any:
    """Type of the targeting of one column."""
    if column.kind == "number":
        return Annotated[NumberRange, AfterValidator(_not_crossed), Field(description=column.description)]
    level = _listed_level(column) if column.kind == "category" and column.levels else value_type(column)
    levels: Any = list.__class_getitem__(level)
    return Annotated[levels, Field(min_length=1, max_length=MAX_LEVELS, description=column.description)]


def _listed_level(column: Column) -> Any:
    """One of the column's levels; integers may be sent as numbers."""
    numbers = [int(level) for level in column.levels if level.isdecimal() and str(int(level)) == level]
    return Literal[(*column.levels, *numbers)]


def _not_crossed(condition: NumberRange) -> NumberRange:
    if condition.get("minimum", -inf) > condition.get("maximum", inf):
        raise PydanticCustomError("range", "minimum must not exceed maximum")
    return condition
