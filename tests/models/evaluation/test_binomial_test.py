"""The exact binomial test against sums of the binomial distribution and scipy, and Holm's against all its subsets."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
import pytest
from scipy.stats import binomtest

from models.evaluation.binomial_test import exact_interval, exact_p_value, holm

CASES = [(0, 40, 0.05), (1, 7, 0.5), (3, 40, 0.2), (12, 40, 0.2), (40, 40, 0.9), (7, 1200, 0.01), (29, 1200, 0.01)]


def summed(n_events: int, n_rows: int, probability: float) -> float:
    """Twice the smaller tail, added up in whole numbers."""
    p = Fraction(probability)
    shares = [comb(n_rows, k) * p**k * (1 - p) ** (n_rows - k) for k in range(n_rows + 1)]
    return float(min(2 * min(sum(shares[: n_events + 1]), sum(shares[n_events:])), 1))


@pytest.mark.parametrize(("n_events", "n_rows", "probability"), CASES)
def test_the_p_value_is_twice_the_smaller_tail(n_events: int, n_rows: int, probability: float):
    """As added up, and as scipy has the two tails."""
    found = exact_p_value(n_events, n_rows, probability)

    tails = [binomtest(n_events, n_rows, probability, alternative=side).pvalue for side in ("less", "greater")]
    assert found == pytest.approx(min(2 * min(tails), 1))
    if n_rows < 100:
        assert found == pytest.approx(summed(n_events, n_rows, probability))


@pytest.mark.parametrize(("n_events", "n_rows", "probability"), CASES)
def test_interval_and_test_agree(n_events: int, n_rows: int, probability: float):
    """The interval is scipy's exact one, and its ends are where the p value passes 5 %."""
    low, high = exact_interval(n_events, n_rows)

    expected = binomtest(n_events, n_rows).proportion_ci(method="exact")
    assert (low, high) == pytest.approx((expected.low, expected.high))
    for end, outwards in ((low, -1), (high, 1)):
        if 0 < end < 1:
            assert exact_p_value(n_events, n_rows, end + outwards * 1e-6) < 0.05
            assert exact_p_value(n_events, n_rows, end - outwards * 1e-6) > 0.05


def test_counts_of_weighted_rows_need_not_be_whole():
    """Between two whole counts, p value and interval lie between theirs."""
    between = exact_p_value(2.5, 40, 0.2)

    assert exact_p_value(2, 40, 0.2) < between < exact_p_value(3, 40, 0.2)
    assert exact_interval(2, 40)[1] < exact_interval(2.5, 40)[1] < exact_interval(3, 40)[1]


def test_holm_is_the_closed_test_of_bonferroni():
    """An adjusted p value is the largest of the Bonferroni tests of all sets that the test is in."""
    for seed in range(20):
        p_values = np.random.default_rng(seed).beta(0.3, 1, 6).round(3).tolist()
        expected = [
            max(
                min(len(chosen) * min(p_values[place] for place in chosen), 1.0)
                for size in range(1, 7)
                for chosen in combinations(range(6), size)
                if mine in chosen
            )
            for mine in range(6)
        ]

        assert holm(p_values) == pytest.approx(expected)
    assert holm([]) == []
