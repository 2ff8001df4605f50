"""Calls: who sent a request, and when."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter


@dataclass(slots=True)
class Call:
    """Who sent a request, and when.

    Parameters
    ----------
    key_id : of the caller; empty where nobody needs a key.
    at : milliseconds since 1970, UTC.
    started : by the clock that latencies are measured with.
    answered : by the same clock: when the answer was there, and had still to be recorded; 0 before.
    """

    key_id: str
    at: int
    started: float
    answered: float = 0.0

    @property
    def latency(self) -> int:
        """Microseconds since then."""
        return round((perf_counter() - self.started) * 1e6)
