"""The population stability index, its distribution by chance, and its bootstrap interval.

The index and its usual thresholds are those of Siddiqi 2006, "Credit Risk Scorecards"; its distribution under no shift
is derived by Yurdakul 2018, "Statistical properties of population stability index".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from models.arrays import Floats

Counts = npt.NDArray[np.int64]

WATCH_FROM, SHIFTED_FROM = 0.1, 0.25
"""Siddiqi's thresholds: stable below the first, shifted from the second on."""
BAND = 0.9
"""Coverage of the intervals."""


def psi(reference: Counts, recent: Counts) -> Floats:
    """Sum over bins of (q - p) ln(q / p), where p and q are the two samples' shares of each bin.

    Half a row is added to every bin, so that the index stays finite if a bin is empty in one sample.

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
    """Approximate mean of the index under no shift: (n_bins - 1) (1/n + 1/m)."""
    return float((len(reference) - 1) * (1 / reference.sum() + 1 / recent.sum()))


def psi_with_chance_level(reference: Counts, recent: Counts) -> tuple[float, float]:
    """The index, and its 95th percentile under no shift.

    For samples of n and m rows from one distribution in B bins, the index divided by 1/n + 1/m is about chi-square
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
    """The bias-corrected index and its bootstrap interval, all clipped at 0.

    Sampling noise biases the index upwards, and resampling adds the bias once more. The basic interval (Davison and
    Hinkley 1997, section 5.2) corrects for it: resampled indices deviate from the observed one as that does from the
    true one.

    Parameters
    ----------
    reference, recent : rows in each bin; bins without any are left out.

    Returns
    -------
    index, lower and upper end of its 90 % interval
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
    """Bin counts of bootstrap resamples; shape (n_resamples, n_bins)."""
    n_rows = int(counts.sum())
    # The counts of resampled rows are multinomial, so that no rows need to be drawn
    return rng.multinomial(n_rows, counts / n_rows, n_resamples)


def _smoothed_shares(counts: Counts) -> Floats:
    shares: Floats = (counts + 0.5) / (counts.sum(axis=-1, keepdims=True) + 0.5 * counts.shape[-1])
    return shares
