"""Mistyped texts, against all texts that one slip can make."""

from __future__ import annotations

from collections import Counter

import numpy as np

from models.estimators.mistyped import mistyped


def one_slip_away(text: str, letters: str) -> dict[str, set[str]]:
    """All texts with one slip in a letter, by its kind."""
    places = [i for i, character in enumerate(text) if character.isalpha()]
    return {
        "left out": {text[:i] + text[i + 1 :] for i in places},
        "put in": {text[:i] + letter + text[i:] for i in places for letter in letters},
        "replaced": {text[:i] + letter + text[i + 1 :] for i in places for letter in letters},
        "swapped": {text[:i] + text[i + 1 : i + 2] + text[i] + text[i + 2 :] for i in places},
    }


def test_each_text_has_one_slip_with_letters_of_its_own_script() -> None:
    """All that one slip can make of a text comes, and nothing else; the four kinds come equally often."""
    text = "да, 12"
    found = Counter(mistyped([text] * 4_000, np.random.default_rng(0)))
    possible = one_slip_away(text, "да")
    assert set(found) == set.union(*possible.values())
    left_out = sum(found[one] for one in possible["left out"])
    assert abs(left_out - 1_000) < 5 * np.sqrt(4_000 * 0.25 * 0.75)


def test_texts_without_letters_stay() -> None:
    """Also where no text has one."""
    assert mistyped(["", "12 👍"], np.random.default_rng(0)) == ["", "12 👍"]
    assert mistyped([], np.random.default_rng(0)) == []


def test_equal_seeds_make_equal_slips() -> None:
    texts = ["where is my card", "block it"] * 5
    first, again = (mistyped(texts, np.random.default_rng(3)) for _ in range(2))
    assert first == again
    assert first != mistyped(texts, np.random.default_rng(4))
