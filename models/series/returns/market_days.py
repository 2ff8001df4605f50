"""The days of a market: what came of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.arrays import Floats


@dataclass(frozen=True)
class MarketDays:
    """Days in the order of time.

    Parameters
    ----------
    returns : logarithm of each day's close over the close before, (n_days,).
    ranges : logarithm of each day's high over its low, (n_days,); None where they are not known.
    """

    returns: Floats
    ranges: Floats | None = None

    def __post_init__(self) -> None:
        for name, values in {"returns": self.returns, "ranges": self.ranges}.items():
            if values is None:
                continue
            if values.shape != (len(self.returns),):
                raise ValueError(f"{name} must have one value for each day, got the shape {values.shape}")
            if len(wrong := np.flatnonzero(~np.isfinite(values))):
                raise ValueError(f"{name} must be finite, day {wrong[0]} has {values[wrong[0]]}; leave such days out")
        if self.ranges is not None and len(wrong := np.flatnonzero(self.ranges < 0)):
            raise ValueError(f"the high of day {wrong[0]} is below its low")

    def __len__(self) -> int:
        return len(self.returns)

    @classmethod
    def from_prices(cls, close: Floats, *, high: Floats | None = None, low: Floats | None = None) -> MarketDays:
        """Days after the first of these, each with a close and, together, a high and a low."""
        if (high is None) != (low is None):
            raise ValueError("high and low must be given together")
        close = _positive({"close": close})[0]
        if high is None or low is None:
            return cls(np.diff(np.log(close)))
        high, low = _positive({"high": high, "low": low})
        return cls(np.diff(np.log(close)), np.log(high / low)[1:])


def _positive(prices: Mapping[str, Floats]) -> list[Floats]:
    for name, values in prices.items():
        if len(wrong := np.flatnonzero(~(values > 0))):
            raise ValueError(f"{name} must be above 0, row {wrong[0]} has {values[wrong[0]]}: it has no logarithm")
    return list(prices.values())
