"""Significance of differences: two-sample tests, and the false discovery rate over many of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import chi2, f, false_discovery_control, hypergeom

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


def clustered_p_value(reference: Counts, recent: Counts, *, spread: float, n_entities: float) -> float:
    """The p-value of Pearson's test on counts divided by their design effects, see `entities`.

    With Satterthwaite's correction for design effects that differ (Rao and Scott 1984), and the F distribution for a
    variance estimated from few entities (Thomas and Rao 1987).

    Parameters
    ----------
    reference, recent : rows in each bin as of independent rows.
    spread, n_entities : see `entities.DesignEffect`.
    """
    held = reference + recent > 0
    reference, recent = reference[held], recent[held]
    df = len(recent) - 1
    if df < 1 or not recent.sum() or not reference.sum():
        return 1.0
    statistic = float(_pearson(recent, reference + recent, int(recent.sum())))
    of_chi2 = df / (1 + spread)
    if np.isinf(n_entities):
        return float(chi2.sf(statistic / (1 + spread), of_chi2))
    return float(f.sf(statistic / df, of_chi2, max(n_entities - 1, 1) * of_chi2))


def exceedance_p_value(n_beyond: int, n: int, n_beyond_reference: int, n_reference: int) -> float:
    """The p-value of Fisher's exact test that recent rows are beyond a limit as seldom as reference rows, one-sided.

    If the limit is the reference's own order statistic of a fixed rank, the test is the exceedance test, exact for
    samples of any continuous distribution (Gumbel and von Schelling 1950).

    Parameters
    ----------
    n_beyond, n_beyond_reference : of the n recent rows and of the n_reference reference rows.
    """
    of_all = n_beyond + n_beyond_reference
    return float(hypergeom.sf(n_beyond - 1, n + n_reference, of_all, n)) if n_beyond else 1.0


def joint_p_value(whole: Sequence[float], parts: Sequence[float]) -> float:
    """The p-value of several tests of one column together: half of the error is for either group (Bonferroni)."""
    return min([1.0, *shared(whole), *shared(parts)])


def shared(p_values: Sequence[float]) -> list[float]:
    """The p-values of a group of tests in `joint_p_value`, each corrected for all tests."""
    return [min(1.0, 2 * len(p_values) * p) for p in p_values]


def q_values(p_values: Sequence[float]) -> list[float]:
    """The least false discovery rate at which each is significant (Benjamini and Hochberg 1995)."""
    return [float(q) for q in false_discovery_control(p_values)] if p_values else []


def _pearson(recent: Counts, both: Counts, n: int) -> Floats:
    """Pearson's statistic of a table of two rows: `recent`, of shape (..., n_bins), and `both` - `recent`."""
    total = both.sum()
    expected = both * (n / total)
    statistic: Floats = np.sum((recent - expected) ** 2 / expected, axis=-1) * (total / (total - n))
    return statistic
