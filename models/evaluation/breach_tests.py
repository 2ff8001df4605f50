"""Tests of value at risk: whether there are as many breaches as said, and whether they come one by one.

A breach is a day whose return fell below the quantile. Both are likelihood-ratio tests with one degree of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, xlogy


@dataclass(frozen=True)
class LikelihoodRatio:
    """Twice the difference of the log-likelihoods, at least 0, and the p value by the chi-squared distribution."""

    statistic: float
    p_value: float


def kupiec(breaches: npt.NDArray[np.bool_], level: float) -> LikelihoodRatio:
    """Unconditional coverage: whether the rate of breaches, (n_days,), is the level (Kupiec 1995)."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    n_days, n_breaches = len(breaches), int(np.count_nonzero(breaches))
    said = _log_likelihood(n_breaches, n_days, level)
    return _ratio(_log_likelihood(n_breaches, n_days, n_breaches / max(n_days, 1)) - said)


def christoffersen(breaches: npt.NDArray[np.bool_]) -> LikelihoodRatio:
    """Independence: whether a breach is as likely after a breach as after none (Christoffersen 1998).

    Against a Markov chain of first order. Without a day of either kind to come after, there is nothing to tell apart:
    the statistic is 0 and the p value 1.
    """
    before, after = np.asarray(breaches[:-1], bool), np.asarray(breaches[1:], bool)
    parts = [after[before], after[~before]]
    apart = sum(_log_likelihood(int(part.sum()), len(part), part.sum() / max(len(part), 1)) for part in parts)
    rate = after.sum() / max(len(after), 1)
    return _ratio(apart - _log_likelihood(int(after.sum()), len(after), rate))


def _log_likelihood(n_breaches: int, n_days: int, rate: float) -> float:
    return float(xlogy(n_breaches, rate) + xlogy(n_days - n_breaches, 1 - rate))


def _ratio(difference: float) -> LikelihoodRatio:
    statistic = max(2 * difference, 0.0)
    return LikelihoodRatio(statistic, float(chdtrc(1, statistic)))
