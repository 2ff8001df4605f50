"""The words of a text, with their places, and the n-grams that are made of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

NUMBER = "<num>"
"""Stands for every number of many characters: an amount, a date, a phone number."""
MIN_NUMBER_LENGTH = 5
CHARACTERS = range(2, 6)
"""Lengths of the character n-grams."""
_WORD = re.compile(
    r"""
    (?P<number>\d+(?:[.,:/-]\d+)*)
    | [^\W\d_]+(?:['’ʼ`´][^\W\d_]+)*      # letters, with apostrophes within
    | [^\w\s]|_                           # a punctuation mark, an emoji
    """,
    re.VERBOSE,
)
_APOSTROPHE = str.maketrans(dict.fromkeys("’ʼ`´", "'"))


def composed(text: str) -> str:
    """The text with letters and their accents as one character (NFC); the places of words refer to it."""
    return text if text.isascii() or unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def words_with_places(text: str) -> list[tuple[str, int, int]]:
    """The words of a composed text: each one's spelling for the model, and its place in the text."""
    return [(spelling(found[0]), *found.span()) for found in _WORD.finditer(text)]


def words_of(text: str) -> list[str]:
    """The words of a composed text, as the model spells them."""
    return [spelling(found[0]) for found in _WORD.finditer(text)]


@lru_cache(maxsize=20_000)
def spelling(word: str) -> str:
    """A word as the model spells it: in lower case, one form of each letter (NFKC), one apostrophe, no long numbers."""
    if word[0].isdigit():
        return NUMBER if len(word) >= MIN_NUMBER_LENGTH else unicodedata.normalize("NFKC", word)
    return unicodedata.normalize("NFKC", word).lower().translate(_APOSTROPHE)


def word_pairs(words: Sequence[str]) -> list[str]:
    """Each pair of neighbours; ^ stands before the first and $ after the last."""
    return [f"{left} {right}" for left, right in zip(["^", *words], [*words, "$"], strict=True)]


def character_grams(word: str) -> list[str]:
    """The pieces of a word of 2 to 5 characters; blanks mark its ends."""
    padded = f" {word} "
    return [padded[i : i + n] for n in CHARACTERS for i in range(len(padded) - n + 1)]
