"""Lists of numbers as values of one column: in frames each cell is a tuple of floats.

A tuple is one value to pandas, and can be hashed; files hold lists (parquet) or JSON (CSV).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

Numbers: TypeAlias = tuple[float, ...]

MAX_NUMBERS = 5_000
"""Most numbers of one value; bounds the size of a request."""
MAX_SIZE = 1e300
"""Largest absolute number; leaves room for sums."""


_TUPLE = re.compile(r"^\s*\((.*?),?\s*\)\s*$")


def is_list(value: object) -> bool:
    """Whether a cell holds several numbers, in any of the types in which files and frames have them."""
    return isinstance(value, tuple | list | np.ndarray)


def numbers_of(value: object) -> Numbers | None:
    """A cell as a tuple of floats; None for what is no list of numbers, NaN in place of what is no number in it.

    A text is JSON, or "(1.0, 2.0)", as which pandas writes a frame's cells to CSV.
    """
    if isinstance(value, str):
        try:
            value = json.loads(_TUPLE.sub(r"[\1]", value))
        except (ValueError, RecursionError):
            return None
    if not is_list(value):
        return None
    if isinstance(value, tuple) and all(type(one) is float for one in value):
        return value
    return tuple(_number(one) for one in value)  # type: ignore[attr-defined]


def _number(value: object) -> float:
    if isinstance(value, bool | str) or not isinstance(value, int | float | np.number):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def number_bytes(value: Sequence[Any]) -> bytes:
    """The numbers as bytes, equal for equal ones in any type."""
    return (np.asarray(value, "<f8") + 0.0).tobytes()


def first_wrong(numbers: Numbers, *, positive: bool) -> int | None:
    """The place of the first number that is not finite, too large, or not above 0 where it must be; None without."""
    found = np.asarray(numbers, np.float64)
    wrong = ~(np.abs(found) <= MAX_SIZE)
    if positive:
        wrong |= ~(found > 0)
    return int(wrong.argmax()) if wrong.any() else None
