"""Times and durations as text, and texts with marks."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from math import ceil

from models.contract.views import TextMark

N_TINTS = 5
UNITS = (("year", 365.25 * 86_400), ("month", 30.44 * 86_400), ("day", 86_400.0), ("hour", 3_600.0), ("minute", 60.0))


def age(then: datetime, now: datetime) -> str:
    """Time since then in its largest unit: "3 hours"."""
    return duration(now - then)


def duration(length: timedelta) -> str:
    """A duration in its largest unit; "less than a minute" for shorter ones."""
    seconds = length.total_seconds()
    for unit, size in UNITS:
        if (n := int(seconds // size)) >= 1:
            return f"{n} {unit}{'s' if n > 1 else ''}"
    return "less than a minute"


def latency(seconds: float | None) -> str:
    """The latency of a request: "1.4 ms", "2.1 s"; a dash for None."""
    if seconds is None:
        return "–"
    return f"{seconds:.2g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def moment(at: datetime) -> str:
    """A time to the minute, in UTC."""
    return f"{at:%Y-%m-%d %H:%M}"


def marked(text: str, marks: Sequence[TextMark]) -> Iterator[tuple[str, int]]:
    """The pieces of a text in their order, each with its tint: 0 outside of marks, else 1 to N_TINTS by strength."""
    text, done = unicodedata.normalize("NFC", text), 0
    for mark in sorted(marks, key=lambda one: one.start):
        yield text[done : mark.start], 0
        yield text[mark.start : mark.end], min(max(ceil(mark.strength * N_TINTS), 1), N_TINTS)
        done = mark.end
    yield text[done:], 0
