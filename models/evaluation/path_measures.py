"""Measures of forecast paths, as the M4 competition defines them (Makridakis, Spiliotis and Assimakopoulos 2020).

Paths have the shape (n_series, n_steps).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.arrays import Floats


def smape(outcome: Floats, median: Floats) -> float:
    """Mean of 200 |y - f| / (|y| + |f|), in per cent, 0 to 200; 0 where both are 0."""
    size = np.abs(outcome) + np.abs(median)
    return float(np.mean(200 * np.abs(outcome - median) / np.where(size > 0, size, 1.0)))


def seasonal_steps(histories: Sequence[Floats], season: int) -> Floats:
    """Mean absolute change over a season within each history, (n_series, 1): the unit of MASE and MSIS.

    NaN for a history without a change, or no longer than the season.
    """
    means = [float(np.abs(one[season:] - one[:-season]).mean()) if len(one) > season else 0.0 for one in histories]
    return np.array([mean or np.nan for mean in means])[:, None]


def mase(outcome: Floats, median: Floats, unit: Floats) -> float:
    """Mean of |y - f| / unit over the series that have one (Hyndman and Koehler 2006)."""
    return float(np.nanmean(np.abs(outcome - median) / unit))


def interval_score(outcome: Floats, low: Floats, high: Floats, alpha: float) -> Floats:
    """Width, and 2 / alpha for each unit outside, of the interval of 1 - alpha (Gneiting and Raftery 2007)."""
    outside = np.maximum(low - outcome, 0) + np.maximum(outcome - high, 0)
    scores: Floats = high - low + 2 / alpha * outside
    return scores


def msis(outcome: Floats, low: Floats, high: Floats, unit: Floats, alpha: float = 0.05) -> float:
    """The mean scaled interval score: `interval_score` / unit, over the series that have one."""
    return float(np.nanmean(interval_score(outcome, low, high, alpha) / unit))


def coverage(outcome: Floats, low: Floats, high: Floats) -> float:
    """Share of outcomes within the interval, bounds included, 0 to 1."""
    return float(np.mean((low <= outcome) & (outcome <= high)))
