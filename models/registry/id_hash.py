"""Hash of an id to a number from 0 to 1, for sampling and for the assignment to a canary."""

from __future__ import annotations

from hashlib import blake2b


def share_of(prediction_id: str, salt: str = "audit") -> float:
    """A pseudo-random number in [0, 1), constant for an id and uniform over ids.

    Parameters
    ----------
    salt : purpose of the draw; draws of different salts are independent.
    """
    digest = blake2b(prediction_id.encode(), digest_size=8, key=salt.encode()).digest()
    return int.from_bytes(digest) / 2**64
