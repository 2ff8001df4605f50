"""Prediction IDs that sort by time."""

from __future__ import annotations

import random

from models.clock import Clock, utc_now

_RANDOM = random.Random()  # seeded by the system; an ID must be unique, not secret


def time_ordered_id(now: Clock = utc_now) -> str:
    """A UUID of version 7 (RFC 9562) as 32 hexadecimal digits: 48 bits of milliseconds, then 74 random bits."""
    milliseconds = int(now().timestamp() * 1000)
    random_bits = _RANDOM.getrandbits(74)
    high, low = random_bits >> 62, random_bits & (2**62 - 1)
    return f"{milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low:032x}"
