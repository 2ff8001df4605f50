"""WrongKeys: limits how often an address may present a wrong key."""

from __future__ import annotations

from collections import OrderedDict

from service.access.rates import Rate, TokenBucket
from service.errors import RateLimitError

RATE = Rate.parse("60/min")
MAX_ADDRESSES = 10_000
"""Addresses that are remembered; the one that was wrong the longest ago is forgotten first."""


class WrongKeys:
    """A token bucket for each address that presented a wrong key. Right keys are not counted, and never refused.

    Many callers may share an address, behind a proxy say: one with a revoked key must not shut out the others.
    """

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def count(self, address: str, now: float) -> None:
        """Count a wrong key; RateLimitError if there were too many from this address."""
        bucket = self._buckets.pop(address, None) or TokenBucket(RATE, 1.0, now)
        self._buckets[address] = bucket
        if len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        if wait := bucket.take(now):
            raise RateLimitError(bucket.capacity, wait)
