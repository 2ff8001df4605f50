"""Times and durations as text."""

from __future__ import annotations

from datetime import datetime, timedelta

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
