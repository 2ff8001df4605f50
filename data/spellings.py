"""Accepted spellings of values, the same in requests and files.

`Column.level_of` maps spellings of a category to its level; this module covers the two values of a flag
and the codes that mean "no value".
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from data.column import USUAL_FLAGS, Column, level_text

MAX_CHARACTERS = 200
"""Maximum length of levels and ids."""

EXACT_WHOLE_NUMBERS = 2**53
"""Whole numbers below it are exact as floats."""

FLAG_WORDS = (("0", "1"), ("no", "yes"), ("n", "y"), ("false", "true"), ("f", "t"), ("off", "on"))
"""What people write for false and true, in any case."""
_NUMBER_OF_WORD = {word: float(number) for words in FLAG_WORDS for number, word in enumerate(words)}


def value_text(value: object) -> str:
    """The lookup text of a value: `level_text`, but with booleans apart from numbers."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    return level_text(value)


def flag_spellings(column: Column) -> dict[str, str]:
    """Every accepted text of a flag, with its value in `column.flag_values`.

    A flag with levels of its own also accepts the usual words, unless its levels contradict: of the levels 1 and 2 the
    first is false, so 1 cannot mean true.
    """
    numbers = column.flag_values
    stands_for = {number: text for text, number in reversed(numbers.items())}
    if column.positive in numbers:
        stands_for[numbers[column.positive]] = column.positive
    words = {**_NUMBER_OF_WORD, **USUAL_FLAGS} if all(map(_agrees_with_usual, numbers, numbers.values())) else {}
    numbers = {**_in_any_case(words), **_in_any_case(numbers), **numbers}
    return {text: stands_for[number] for text, number in numbers.items()}


def _in_any_case(numbers: Mapping[str, float]) -> dict[str, float]:
    """The words in lower, upper and title case, without those that would then be two words."""
    forms = [
        (form, number) for text, number in numbers.items() for form in (text.lower(), text.upper(), text.capitalize())
    ]
    return {form: number for form, number in forms if (form, 1 - number) not in forms}


def _agrees_with_usual(level: str, number: float) -> bool:
    """Whether a flag's level is a word, or 0 for false, or 1 for true."""
    if level.lower() in _NUMBER_OF_WORD:
        return _NUMBER_OF_WORD[level.lower()] == number
    return not level.lstrip("-").isdecimal()


def number_codes(column: Column) -> dict[int | float | str, float | None]:
    """The codes of a number that mean "no value", each with its replacement.

    Numeric codes are kept, since the encoder reads them; text becomes None, since arrays of numbers cannot hold it.
    """
    return {code: None if isinstance(code, str) else float(code) for code in column.missing}


def text_codes(column: Column) -> set[str]:
    """The codes that mean "no value" in a column without numbers, as `level_text` spells them."""
    return {level_text(code) for code in column.missing}
