"""The stability index: as a loop gives it, what chance adds, and bands that hold the true one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from models.evaluation.psi import psi, psi_with_band

SHARES = np.full(11, 1 / 11)


def moved_by(deviations: float) -> np.ndarray:
    """What the elevenths of a normal number hold after it has moved."""
    edges = norm.ppf(np.arange(1, 11) / 11)
    return np.diff([0, *norm.cdf(edges - deviations), 1])


def test_the_index_is_the_sum_over_bins():
    """A loop gives the same, for one pair of histograms and for many at once."""
    reference, recent = np.array([[4, 3, 0, 9], [1, 1, 1, 1]]), np.array([[1, 2, 5, 0], [7, 0, 0, 2]])
    expected = []
    for before, now in zip(reference.tolist(), recent.tolist(), strict=True):
        shares = [((b + 0.5) / (sum(before) + 2), (n + 0.5) / (sum(now) + 2)) for b, n in zip(before, now, strict=True)]
        expected.append(sum((q - p) * math.log(q / p) for p, q in shares))
    assert psi(reference, recent).tolist() == pytest.approx(expected)


@pytest.mark.parametrize(("m", "n"), [(200, 200), (5_000, 200), (5_000, 50_000)])
def test_what_chance_adds_is_taken_off(m, n):
    """Of samples of one distribution the plain index is far above 0 on average; what is left then is next to it."""
    rng = np.random.default_rng(0)
    plain = psi(rng.multinomial(m, SHARES, 4_000), rng.multinomial(n, SHARES, 4_000)).mean()
    by_chance = 10 * (1 / m + 1 / n)
    assert plain == pytest.approx(by_chance, rel=0.05)
    pairs = zip(rng.multinomial(m, SHARES, 300), rng.multinomial(n, SHARES, 300), strict=True)
    corrected = np.mean([psi_with_band(*pair, n_resamples=2, seed=0)[0] for pair in pairs])
    assert corrected < 0.25 * by_chance  # above 0, for what comes out below 0 is shown as 0


@pytest.mark.parametrize(("deviations", "m", "n"), [(0.32, 5_000, 300), (0.5, 500, 500), (0.2, 50_000, 20_000)])
def test_bands_hold_the_true_index_in_9_of_10_cases(deviations, m, n):
    """And the index is right on average, where there is one to find."""
    shares, rng = moved_by(deviations), np.random.default_rng(1)
    true = float(np.sum((shares - SHARES) * np.log(shares / SHARES)))
    found = [
        psi_with_band(rng.multinomial(m, SHARES), rng.multinomial(n, shares), n_resamples=200, seed=seed)
        for seed in range(300)
    ]
    assert np.mean([index for index, _, _ in found]) == pytest.approx(true, rel=0.05)
    assert 0.85 < np.mean([low <= true <= high for _, low, high in found]) < 0.95


def test_empty_bins_change_nothing():
    """A bin that no row is in is none."""
    with_empty = psi_with_band(np.array([50, 0, 60]), np.array([30, 0, 90]), n_resamples=50, seed=3)
    assert with_empty == psi_with_band(np.array([50, 60]), np.array([30, 90]), n_resamples=50, seed=3)
