"""Shares in words."""

from __future__ import annotations


def percent(share: float) -> str:
    """A share in words, with a space that does not break: two digits below ten percent, one decimal above."""
    if 0 < share < 1e-4:
        return "< 0.01\N{NO-BREAK SPACE}%"
    return f"{share * 100:.2g}\N{NO-BREAK SPACE}%" if share < 0.1 else f"{share * 100:.1f}\N{NO-BREAK SPACE}%"
