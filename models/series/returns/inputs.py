"""What the network sees of the days up to an origin: how much the market has moved of late."""

from __future__ import annotations

import math

import numpy as np
from scipy.signal import lfilter

from models.arrays import Floats
from models.series.arrays import Features, Positions
from models.series.returns.market_days import MarketDays

DECAYS = (0.8, 0.94, 0.97, 0.99)
"""Weight of yesterday's average in today's."""
SCALE_DECAY = 0.94
"""Returns are measured in the volatility with this decay, that of RiskMetrics (J.P. Morgan 1996) for daily returns."""
N_LAST = 5
"""Last returns that the network sees one by one."""
MIN_VOLATILITY = 1e-6
"""A market that stands still is taken to move by so much a day."""


def moving_average(values: Floats, decay: float) -> Floats:
    """Exponentially weighted mean up to each day, (n_days,); the weights of the days that are there sum to 1."""
    sums: Floats = lfilter([1.0], [1.0, -decay], values)
    weights = -np.expm1(np.arange(1, len(values) + 1) * math.log(decay)) / (1 - decay)
    means: Floats = sums / weights
    return means


def volatility(squares: Floats, decay: float) -> Floats:
    """Root of the moving average of squares."""
    return np.maximum(np.sqrt(moving_average(squares, decay)), MIN_VOLATILITY)


def scale(days: MarketDays) -> Floats:
    """The unit of what comes after each day, (n_days,)."""
    return volatility(np.square(days.returns), SCALE_DECAY)


def inputs(days: MarketDays) -> Features:
    """Features of each day from that day and those before it, (n_days, n_features).

    Logarithms of the scale and of the other volatilities over it; of those by the day's range (Parkinson 1980), where
    it is known; the share of falls in the squared returns; and the last returns, each in the scale of the day before.
    """
    unit, squares = scale(days), np.square(days.returns)
    columns = [np.log(unit)]
    columns += [np.log(volatility(squares, decay) / unit) for decay in DECAYS if decay != SCALE_DECAY]
    if days.ranges is not None:
        by_range = np.square(days.ranges) / (4 * math.log(2))
        columns += [np.log(volatility(by_range, decay) / unit) for decay in DECAYS]
    falls = moving_average(np.where(days.returns < 0, squares, 0.0), SCALE_DECAY)
    columns.append(falls / np.square(unit))
    standard = days.returns / np.r_[unit[:1], unit[:-1]]
    columns += [np.r_[np.zeros(ago), standard[: len(standard) - ago]] for ago in range(N_LAST)]
    return np.stack(columns, axis=1).astype(np.float32)


def outcomes(days: MarketDays, origins: Positions, horizons: tuple[int, ...]) -> Floats:
    """What came after each origin, in its scale times the root of the horizon: (n_origins, n_horizons).

    NaN where the days have not come yet.
    """
    sums = np.r_[0.0, np.cumsum(days.returns)]
    come = np.full((len(origins), len(horizons)), np.nan)
    for column, horizon in enumerate(horizons):
        known = origins + horizon < len(days)
        first = origins[known] + 1
        come[known, column] = (sums[first + horizon] - sums[first]) / math.sqrt(horizon)
    return come / scale(days)[origins][:, None]
