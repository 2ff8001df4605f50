"""A number from 0 to 1 for an id: which ids are sampled, or go to a canary."""

from __future__ import annotations

from hashlib import blake2b


def share_of(prediction_id: str, salt: str = "audit") -> float:
    """A number from 0 up to 1 that looks drawn, always the same for an id; ids are spread evenly.

    Parameters
    ----------
    salt : what is drawn; draws of different salts have nothing to do with one another.
    """
    digest = blake2b(prediction_id.encode(), digest_size=8, key=salt.encode()).digest()
    return int.from_bytes(digest) / 2**64
