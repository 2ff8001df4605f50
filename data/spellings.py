"""Accepted spellings of values, the same in requests and files.

`level_text` (in `data.table`) maps spellings of a category to its level; this module covers the two values of a flag
and the codes that mean "no value".
"""

from __future__ import annotations

import numpy as np

from data.column import USUAL_FLAGS, Column, level_text

MAX_CHARACTERS = 200
"""Maximum length of levels and ids."""

EXACT_WHOLE_NUMBERS = 2**53
"""Whole numbers below it are exact as floats."""

_FLAGS_AS_FLOATS = {"0.0": 0.0, "1.0": 1.0}
"""Spellings that pandas writes to a CSV for a flag with missing values."""


def value_text(value: object) -> str:
    """The lookup text of a value: `level_text`, but with booleans apart from numbers."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    return level_text(value)


def flag_spellings(column: Column) -> dict[str, str]:
    """Every accepted text of a flag, with its value in `column.flag_values`.

    A flag with levels of its own also accepts 0/1 and true/false, unless its levels contradict: of the levels 1 and 2
    the first is false, so 1 cannot mean true.
    """
    numbers = column.flag_values
    stands_for = {number: text for text, number in reversed(numbers.items())}
    if column.positive in numbers:
        stands_for[numbers[column.positive]] = column.positive
    if all(_agrees_with_usual(text, number) for text, number in numbers.items()):
        numbers = {**_FLAGS_AS_FLOATS, **USUAL_FLAGS, **numbers}
    return {text: stands_for[number] for text, number in numbers.items()}


def _agrees_with_usual(level: str, number: float) -> bool:
    """Whether a flag's level is a word, or 0 for false, or 1 for true."""
    if level in USUAL_FLAGS:
        return USUAL_FLAGS[level] == number
    return not level.lstrip("-").isdecimal()


def number_codes(column: Column) -> dict[int | float | str, float | None]:
    """The codes of a number that mean "no value", each with its replacement.

    Numeric codes are kept, since the encoder reads them; text becomes None, since arrays of numbers cannot hold it.
    """
    return {code: None if isinstance(code, str) else float(code) for code in column.missing}


def text_codes(column: Column) -> set[str]:
    """The codes that mean "no value" in a column without numbers, as `level_text` spells them."""
    return {level_text(code) for code in column.missing}
