"""Mistyped texts: each with one slip of the keyboard, as other hands would have written it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

N_SLIPS = 4


def mistyped(texts: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Each text with one letter left out, put in, replaced, or swapped with what follows, each equally often.

    These four make up most spelling errors (Damerau 1964, "A technique for computer detection and correction of
    spelling errors"). Letters that come in are drawn from all texts, so that they are of their script. A text without
    letters stays as it is.
    """
    places = [[i for i, character in enumerate(text) if character.isalpha()] for text in texts]
    letters = [text[i] for text, found in zip(texts, places, strict=True) for i in found]
    which, slips = rng.random(len(texts)), rng.integers(0, N_SLIPS, len(texts)).tolist()
    drawn = rng.integers(0, max(len(letters), 1), len(texts)).tolist()
    return [
        _with_slip(text, found[int(share * len(found))], slip, letters[letter]) if found else text
        for text, found, share, slip, letter in zip(texts, places, which.tolist(), slips, drawn, strict=True)
    ]


def _with_slip(text: str, place: int, slip: int, letter: str) -> str:
    before, here, after = text[:place], text[place], text[place + 1 :]
    return before + (after, letter + here + after, letter + after, after[:1] + here + after[1:])[slip]
