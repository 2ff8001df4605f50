"""Target statistics of a category's levels: the event rate of each, and its count.

Two features for categories with too many levels for one-hot encoding: the log-odds of the event among the level's rows,
shrunk towards those of all rows by PRIOR_ROWS pseudo-rows, minus those of all rows (Micci-Barreca 2001); and
log(1 + rows). Both are 0 for an unseen level.

Training rows must not leak their own label: their log-odds are computed on the other four fifths of the rows
(cross-fitting, as in scikit-learn's TargetEncoder), and their counts exclude the row itself.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Floats, Labels

STATISTICS = ("event rate", "rows")
PRIOR_ROWS = 10.0
"""Pseudo-rows with the overall event rate in each level; shrinks the rates of rare levels."""
MIN_GAIN = 5.0
"""Minimum gain in held-out log-likelihood, in nats over all training rows, for a statistic to be used."""
_N_FOLDS = 5


def level_statistics(codes: npt.NDArray[np.intp], labels: Labels, *, n_levels: int) -> Floats:
    """Relative log-odds and log(1 + rows) of each level, shape (n_levels, 2).

    Parameters
    ----------
    codes : level of each training row, 0 .. n_levels - 1, shape (n_rows,).
    labels : 0 or 1, both present, shape (n_rows,).
    """
    rows = np.bincount(codes, minlength=n_levels)
    return np.stack([_log_odds(codes, labels, labels.mean(), n_levels), np.log1p(rows)], axis=1)


def cross_fitted_statistics(
    codes: npt.NDArray[np.intp], labels: Labels, *, n_levels: int, rng: np.random.Generator
) -> Floats:
    """The same for training rows, each from other rows; shape (n_rows, 2)."""
    fold_of = rng.permutation(len(codes)) % _N_FOLDS
    log_odds = np.zeros(len(codes))
    for fold in range(_N_FOLDS):
        inside = fold_of == fold
        others = _log_odds(codes[~inside], labels[~inside], labels.mean(), n_levels)
        log_odds[inside] = others[codes[inside]]
    rows = np.bincount(codes, minlength=n_levels)
    return np.stack([log_odds, np.log1p(rows[codes] - 1)], axis=1)


def held_out_gain(codes: npt.NDArray[np.intp], labels: Labels, *, n_levels: int, rng: np.random.Generator) -> float:
    """Gain in log-likelihood by the levels' event rates, summed over all training rows, cross-fitted.

    Below 0 the rates are noise.
    """
    rate = labels.mean()
    base = np.log(rate / (1 - rate))
    beyond = cross_fitted_statistics(codes, labels, n_levels=n_levels, rng=rng)[:, 0]
    gains = labels * beyond - (np.logaddexp(0, base + beyond) - np.logaddexp(0, base))
    return float(gains.sum())


def statistics_that_tell(codes: npt.NDArray[np.intp], labels: Labels) -> list[int]:
    """Positions in STATISTICS of those that predict held-out rows: both, the counts alone, or none.

    The past of an ID such as an address may be uninformative, but whether it is new or frequent may be informative.

    Parameters
    ----------
    codes, labels : as for `level_statistics`.
    """
    rng, rows = np.random.default_rng(0), np.bincount(codes)
    if held_out_gain(codes, labels, n_levels=len(rows), rng=rng) > MIN_GAIN:
        return [0, 1]
    doublings = np.log2(rows[codes]).astype(np.intp)
    gain = held_out_gain(doublings, labels, n_levels=int(doublings.max()) + 1, rng=rng)
    return [1] if gain > MIN_GAIN else []


def _log_odds(codes: npt.NDArray[np.intp], labels: Labels, rate: float, n_levels: int) -> Floats:
    """Log-odds of the event in each level, shrunk towards `rate`, minus the log-odds of `rate`."""
    events = np.bincount(codes, labels, minlength=n_levels) + PRIOR_ROWS * rate
    others = np.bincount(codes, 1 - labels, minlength=n_levels) + PRIOR_ROWS * (1 - rate)
    log_odds: Floats = np.log(events / others) - np.log(rate / (1 - rate))
    return log_odds
