"""Significance of differences: two-sample tests, and the false discovery rate over many of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import chi2, false_discovery_control

from models.arrays import Floats
from models.evaluation.psi import Counts

MIN_EXPECTED = 5
"""Expected count that each bin needs for the chi-squared approximation (Cochran 1954)."""
N_PERMUTATIONS = 9_999
PERMUTATIONS_AT_ONCE = 1_000


def homogeneity_p_value(reference: Counts, recent: Counts, *, seed: int) -> float:
    """The p-value of Pearson's chi-squared test that both counts are of one distribution.

    If the expected count of a bin is too small, it is a permutation test with N_PERMUTATIONS permutations, whose least
    p-value is 1 / (N_PERMUTATIONS + 1).

    Parameters
    ----------
    reference, recent : rows in each bin.
    """
    held = reference + recent > 0
    reference, recent = reference[held], recent[held]
    if len(recent) < 2:
        return 1.0
    both = reference + recent
    n, m = int(recent.sum()), int(reference.sum())
    statistic = float(_pearson(recent, both, n))
    if both.min() * min(n, m) / (n + m) >= MIN_EXPECTED:
        return float(chi2.sf(statistic, len(both) - 1))
    rng = np.random.default_rng(seed)
    n_as_far, n_left = 0, N_PERMUTATIONS
    while n_left:
        n_now = min(n_left, PERMUTATIONS_AT_ONCE)
        dealt = rng.multivariate_hypergeometric(both, n, size=n_now, method="marginals")
        # equal tables must compare as equal despite rounding in another order of summation
        n_as_far += int(np.sum(_pearson(dealt, both, n) >= statistic * (1 - 1e-9)))
        n_left -= n_now
    return (n_as_far + 1) / (N_PERMUTATIONS + 1)


def q_values(p_values: Sequence[float]) -> list[float]:
    """The least false discovery rate at which each is significant (Benjamini and Hochberg 1995)."""
    return [float(q) for q in false_discovery_control(p_values)] if p_values else []


def _pearson(recent: Counts, both: Counts, n: int) -> Floats:
    """Pearson's statistic of a table of two rows: `recent`, of shape (..., n_bins), and `both` - `recent`."""
    total = both.sum()
    expected = both * (n / total)
    statistic: Floats = np.sum((recent - expected) ** 2 / expected, axis=-1) * (total / (total - n))
    return statistic
