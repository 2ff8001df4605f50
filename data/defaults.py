"""Defaults: the values of inputs that a request lacks, such as those that an earlier version did not take."""

from __future__ import annotations

import math
from collections.abc import Iterable

from data.column import Column
from data.errors import TableError
from data.spellings import MAX_CHARACTERS, flag_spellings, number_codes, text_codes, value_text

KINDS = ("number", "category", "flag", "key")
"""Kinds with defaults: a time or a text that stands for all others says nothing."""


def check_defaults(columns: Iterable[Column]) -> None:
    """Refuse defaults that are no values of their columns, or of columns that are no inputs; TableError says which."""
    for column in columns:
        if column.default is None:
            continue
        if column.role not in ("feature", "ignore") or column.window is not None or column.kind not in KINDS:
            what = f"a {column.kind} with the role {column.role!r}" if column.window is None else "computed"
            raise TableError(
                f"column {column.name!r}: 'default' is for features of kind {', '.join(KINDS)}; this is {what}"
            )
        if not _is_value(column, column.default):
            allowed = column.allowed.removesuffix(", or empty")
            raise TableError(f"column {column.name!r}: 'default' is {column.default!r}; it must be {allowed}")


def _is_value(column: Column, value: bool | int | float | str) -> bool:
    if column.kind == "number":
        return not isinstance(value, bool) and (value in number_codes(column) or _is_number(column, value))
    text = value_text(value) if column.kind == "flag" else column.level_of(value)
    if text in text_codes(column):
        return True
    if column.kind == "flag":
        return text in flag_spellings(column)
    known = not column.levels or column.kind == "key" or text in column.levels
    return known and not isinstance(value, bool) and 0 < len(text.strip()) <= len(text) <= MAX_CHARACTERS


def _is_number(column: Column, value: bool | int | float | str) -> bool:
    if isinstance(value, str) or not math.isfinite(value):
        return False
    low = -math.inf if column.minimum is None else column.minimum
    high = math.inf if column.maximum is None else column.maximum
    return low <= value <= high and (not column.whole or float(value).is_integer())
