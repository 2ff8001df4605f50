"""What a person answers to a question between two things: one of them, or neither."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from models.domains.chat.answer import Candidate

NUMBERS = (frozenset({"1", "one", "first"}), frozenset({"2", "two", "second"}))
"""Words for each place of an offer."""
NEITHER = frozenset({"neither", "none", "no", "nope", "nothing", "else", "other", "others"})
FILLERS = frozenset({
    "a", "an", "both", "i", "is", "it", "its", "mean", "meant", "my", "number", "of", "one", "ones", "option", "please",
    "s", "something", "thank", "thanks", "that", "the", "them", "these", "this", "those", "want", "was", "yes",
})  # fmt: skip
"""Words that may stand around a pick and change nothing."""


def picked(text: str, offered: Sequence[Candidate]) -> Candidate | None:
    """The offer that a text picks by its number, its label or its intent, and nothing more; None if it picks none."""
    words = _words(text)
    core = words - FILLERS or words
    for numbers, offer in zip(NUMBERS, offered, strict=False):
        if core <= numbers and core:
            return offer
    for offer in offered:
        for name in (offer.label, offer.intent):
            own = _words(name)
            if words == own or (core == own - FILLERS and core):
                return offer
    return None


def is_neither(text: str) -> bool:
    """Whether a text says that it is none of what was offered, and nothing more."""
    words = _words(text)
    return bool(words & NEITHER) and words <= NEITHER | FILLERS


def _words(text: str) -> frozenset[str]:
    """The words of a text in lower case; what is neither letter nor digit parts them."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return frozenset("".join(one if one.isalnum() else " " for one in plain).split())
