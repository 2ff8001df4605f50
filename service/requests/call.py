"""Calls: the caller and the timing of a request."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter


@dataclass(slots=True)
class Call:
    """The caller and the timing of a request.

    Parameters
    ----------
    key_id : ID of the caller's key; empty if the service needs no keys.
    at : time of arrival, in milliseconds since 1970, UTC.
    started : time of arrival, by `perf_counter`.
    answered : time at which the answer was computed, before it is recorded, by `perf_counter`; 0 until then.
    """

    key_id: str
    at: int
    started: float
    answered: float = 0.0

    @property
    def latency(self) -> int:
        """Microseconds since arrival."""
        return round((perf_counter() - self.started) * 1e6)
