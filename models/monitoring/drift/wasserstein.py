"""Shift of the values of a number: the Wasserstein distance, and the Kolmogorov-Smirnov test.

The distance is the area between the two distribution functions, in interquartile ranges of the training rows, so that
columns can be compared. Unlike the PSI it measures how far values have moved, also beyond the outermost bins.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import kstwobign

from models.arrays import Floats
from models.evaluation.psi import BAND, Counts, resampled_counts
from models.monitoring.drift.distributions import NumberReference
from models.monitoring.drift.reference import knots


def scale_of(reference: NumberReference) -> float:
    """The interquartile range; the standard deviation if that is 0, and 1 if there is only one value."""
    quartiles = reference.quantile(0.75) - reference.quantile(0.25)
    if quartiles > 0:
        return quartiles
    weights = np.diff((0, *reference.at_most))
    values = np.array(reference.values)
    mean = np.average(values, weights=weights)
    return float(np.sqrt(np.average((values - mean) ** 2, weights=weights))) or 1.0


def distance_with_band(
    reference: NumberReference, recent: Floats, *, n_resamples: int, seed: int, effect: float = 1.0
) -> tuple[float, float, float]:
    """The distance over `scale_of` the reference, with the ends of its basic bootstrap band (`models.evaluation.psi`).

    Parameters
    ----------
    recent : present values, at least one. effect : their design effect, see `entities`.
    """
    ordered = np.sort(recent)
    distinct, counts = np.unique(ordered, return_counts=True)
    kept = distinct[knots(np.cumsum(counts))]
    grid = np.union1d(np.array(reference.values), kept)
    # between grid points both functions are constant or linear, so the midpoint gives the exact area
    middles, widths = (grid[1:] + grid[:-1]) / 2, np.diff(grid) / scale_of(reference)
    before = reference.share_at_most(middles)
    now = np.searchsorted(ordered, middles, side="right") / len(ordered)
    found = float(np.abs(before - now) @ widths)
    rng = np.random.default_rng(seed)
    resampled = [
        _resampled_shares(shares, n_rows, n_resamples, rng)
        for shares, n_rows in (
            (before, _independent(reference.n_present, reference.design_effect)),
            (now, _independent(len(ordered), effect)),
        )
    ]
    distances = np.abs(resampled[0] - resampled[1]) @ widths
    high, low = 2 * found - np.quantile(distances, ((1 - BAND) / 2, (1 + BAND) / 2))
    return found, max(float(low), 0.0), max(float(high), 0.0)


def ks_p_value(reference: NumberReference, recent: Floats, *, effect: float = 1.0) -> float:
    """The p-value of the Kolmogorov-Smirnov test that both samples are of one distribution.

    The largest gap is taken over the stored values, where both functions are exact, so it is never overestimated.

    Parameters
    ----------
    recent : present values, at least one. effect : their design effect, see `entities`.
    """
    at_kept = np.searchsorted(np.sort(recent), reference.values, side="right") / len(recent)
    gap = float(np.abs(at_kept - np.array(reference.at_most) / reference.n_present).max())
    n, m = len(recent) / effect, reference.n_present / reference.design_effect
    return float(kstwobign.sf(np.sqrt(n * m / (n + m)) * gap))


def _independent(n_rows: int, effect: float) -> int:
    return max(1, round(n_rows / effect))


def _resampled_shares(shares: Floats, n_rows: int, n_resamples: int, rng: np.random.Generator) -> Floats:
    """Bootstrap resamples of a distribution function of n_rows rows; shape (n_resamples, n_points)."""
    at_most = np.round(shares * n_rows).astype(np.int64)
    counts: Counts = np.append(at_most, n_rows) - np.append(0, at_most)
    sums: Floats = np.cumsum(resampled_counts(counts, n_resamples, rng)[:, :-1], axis=1) / n_rows
    return sums
