"""Rate limits of keys, as token buckets."""

from __future__ import annotations

import re
from dataclasses import dataclass

from models.errors import KeyRateError

SECONDS = {"s": 1, "min": 60, "h": 3_600}


@dataclass(frozen=True)
class Rate:
    """A number of requests per number of seconds; the former is also the burst."""

    n_requests: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read "100/s", "6000/min" or "500/h"; KeyRateError names the allowed forms."""
        match = re.fullmatch(r"([1-9][0-9]{0,8})/(s|min|h)", text)
        if match is None:
            raise KeyRateError(text)
        return cls(int(match[1]), SECONDS[match[2]])

    @property
    def per_second(self) -> float:
        """Requests per second, in the long run."""
        return self.n_requests / self.seconds


class TokenBucket:
    """A token bucket: refilled at a steady rate up to its capacity; each request takes a token.

    Parameters
    ----------
    rate : of refill; its number of requests is the capacity.
    share : share of the rate that this process grants if several divide it; the capacity is at least one token.
    now : seconds, by the clock of `take`; the bucket starts full.
    """

    def __init__(self, rate: Rate, share: float, now: float) -> None:
        self.capacity = max(1.0, rate.n_requests * share)
        self.per_second = rate.per_second * share
        self.tokens, self._at = self.capacity, now

    def take(self, now: float) -> float:
        """Take a token; returns 0, or the seconds until the next one if the bucket is empty.

        A clock that steps back neither adds nor removes tokens.
        """
        self.tokens = min(self.capacity, self.tokens + max(0.0, now - self._at) * self.per_second)
        self._at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) / self.per_second
