"""Accepted spellings of a value, alike in requests and in files.

`level_text` (in `data.table`) says which spellings of a category are one level; here stand the two values of a flag and
the codes that mean "no value".
"""

from __future__ import annotations

import numpy as np

from data.table import USUAL_FLAGS, Column, level_text

MAX_CHARACTERS = 200
"""Longest level of a category and longest id."""

EXACT_WHOLE_NUMBERS = 2**53
"""Below it every whole number is exact as a float."""

_FLAGS_AS_FLOATS = {"0.0": 0.0, "1.0": 1.0}
"""Pandas writes these into a CSV for a flag that is missing in some rows."""


def value_text(value: object) -> str:
    """The text to look a value up by: `level_text`, but true and false are no numbers here."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    return level_text(value)


def flag_spellings(column: Column) -> dict[str, str]:
    """Every text that a flag may hold, each with the one of `column.flag_values` that stands for it.

    A flag with levels of its own is also understood as 0/1 and true/false, unless its levels say otherwise: of 1 and 2
    the first is false, so a 1 is no "true" there.
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
    """The codes of a number that mean "no value", each with what it becomes.

    Numeric codes stay what they are, for the encoder knows them; text becomes None, for it fits in no array of numbers.
    """
    return {code: None if isinstance(code, str) else float(code) for code in column.missing}


def text_codes(column: Column) -> set[str]:
    """The codes that mean "no value" in a column that holds no numbers, as `level_text` spells them."""
    return {level_text(code) for code in column.missing}
