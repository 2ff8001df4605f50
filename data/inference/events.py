"""Whether the inferred event of a target may be its good outcome."""

from __future__ import annotations

import re

import pandas as pd

from data.column import level_text
from data.table import Table

GOOD = frozenset({
    "accept", "accepted", "approve", "approved", "current", "fully", "good", "ok", "paid", "performing", "repaid",
    "success", "successful",
})  # fmt: skip
"""Words of good outcomes, in names of targets or levels."""
_YES = frozenset({"1", "t", "true", "y", "yes"})


def event_question(table: Table, frame: pd.DataFrame) -> str:
    """A question to the user where names or counts suggest that `positive` is the good outcome; else empty.

    Parameters
    ----------
    frame : the file's rows.
    """
    target = table.target
    if target.positive is None:
        return ""
    texts = frame[target.name].dropna().map(level_text)
    others = [text for text in texts.unique().tolist() if text != target.positive]
    share = float((texts == target.positive).mean())
    if len(others) != 1 or not _seems_good(target.name, target.positive, share):
        return ""
    return (
        f"is {target.name} = {target.positive!r} the event? It is in {share:.1%} of the rows and reads like the good "
        f"outcome. A model of risk predicts the bad one: then set positive = {others[0]!r}"
    )


def _seems_good(name: str, positive: str, share: float) -> bool:
    words = _words(name)
    named_good = bool(_words(positive) & GOOD)
    yes_of_good = positive.lower() in _YES and bool(words & GOOD)
    common_status = positive.lower() in _YES and "status" in words and share > 1 / 2
    return named_good or yes_of_good or common_status


def _words(text: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", text)}
