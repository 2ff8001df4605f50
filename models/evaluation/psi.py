"""The population stability index, what chance alone does to it, and its bootstrap band.

The index and its usual reading are those of Siddiqi 2006, "Credit Risk Scorecards"; what chance alone does to it is
worked out by Yurdakul 2018, "Statistical properties of population stability index".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from models.arrays import Floats

Counts = npt.NDArray[np.int64]

WATCH_FROM, SHIFTED_FROM = 0.1, 0.25
"""Siddiqi's: below the first nothing has moved, from the second on it has moved much."""
BAND = 0.9
"""What the bands cover."""


def psi(reference: Counts, recent: Counts) -> Floats:
    """Sum over bins of (q - p) ln(q / p), where p and q are the shares of the rows that lie in each.

    Half a row is added to every bin, so that a bin that one of the two lacks gives a finite index.

    Parameters
    ----------
    reference, recent : rows in each bin, of shape (..., n_bins).

    Returns
    -------
    ndarray of shape (...)
    """
    p, q = _smoothed_shares(reference), _smoothed_shares(recent)
    index: Floats = np.sum((q - p) * np.log(q / p), axis=-1)
    return index


def expected_by_chance(reference: Counts, recent: Counts) -> float:
    """About what two samples of one distribution have as index on average: (n_bins - 1) (1/n + 1/m)."""
    return float((len(reference) - 1) * (1 / reference.sum() + 1 / recent.sum()))


def psi_beside_chance(reference: Counts, recent: Counts) -> tuple[float, float]:
    """The index, and what it stays below by chance in 95 % of the cases.

    For two samples of n and m rows of one distribution in B bins, the index over 1/n + 1/m is about chi-square
    distributed with B - 1 degrees of freedom.

    Parameters
    ----------
    reference, recent : rows in each bin; bins without any are left out.
    """
    held = reference + recent > 0
    spread, n_held = 1 / reference.sum() + 1 / recent.sum(), int(held.sum())
    by_chance = float(spread * chi2.ppf(0.95, n_held - 1)) if n_held > 1 else 0.0
    return float(psi(reference[held], recent[held])), by_chance


def psi_with_band(reference: Counts, recent: Counts, *, n_resamples: int, seed: int) -> tuple[float, float, float]:
    """The index without what chance adds to it on average, and its bootstrap band, none of them below 0.

    Chance adds to the index of resampled rows once more what it had added already. So the band is the basic one
    (Davison and Hinkley 1997, section 5.2): how far the resampled indices lie from the found one is how far the found
    one lies from the true one.

    Parameters
    ----------
    reference, recent : rows in each bin; bins without any are left out.

    Returns
    -------
    index, lower and upper end of the band that holds the true index in 9 of 10 cases
    """
    held = reference + recent > 0
    reference, recent = reference[held], recent[held]
    found = float(psi(reference, recent))
    rng = np.random.default_rng(seed)
    resampled = psi(*(resampled_counts(counts, n_resamples, rng) for counts in (reference, recent)))
    high, low = 2 * found - np.quantile(resampled, ((1 - BAND) / 2, (1 + BAND) / 2))
    index = found - expected_by_chance(reference, recent)
    return max(index, 0.0), max(float(low), 0.0), max(float(high), 0.0)


def resampled_counts(counts: Counts, n_resamples: int, rng: np.random.Generator) -> Counts:
    """Rows in each bin if as many rows are drawn with replacement; shape (n_resamples, n_bins)."""
    n_rows = int(counts.sum())
    return rng.multinomial(n_rows, counts / n_rows, n_resamples)


def _smoothed_shares(counts: Counts) -> Floats:
    shares: Floats = (counts + 0.5) / (counts.sum(axis=-1, keepdims=True) + 0.5 * counts.shape[-1])
    return shares
