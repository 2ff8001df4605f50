"""Periods in query parameters, of which only so many differ: each one may cost a report over the whole audit log."""

from __future__ import annotations

HOURS, MINUTES = 24, 1_440
ROUNDED = "rounded to the hour, below an hour to the minute"


def rounded(days: float) -> float:
    """Days as `ROUNDED` says; at least a minute unless they are 0."""
    if days * HOURS >= 1:
        return round(days * HOURS) / HOURS
    return max(1, round(days * MINUTES)) / MINUTES if days else 0.0
