"""Against figures by hand, the binomial and Markov likelihoods written out, and their size by simulation."""

import math

import numpy as np
import pytest
from scipy.stats import binom, chi2

from models.evaluation.breach_tests import christoffersen, kupiec


def days(*runs: int) -> np.ndarray:
    """Runs of days without and with a breach, in turn."""
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs)


@pytest.mark.parametrize(("n_breaches", "n_days", "level"), [(17, 1000, 0.01), (36, 1000, 0.05), (3, 250, 0.01)])
def test_kupiec_is_the_ratio_of_binomial_likelihoods(n_breaches, n_days, level):
    expected = 2 * (binom.logpmf(n_breaches, n_days, n_breaches / n_days) - binom.logpmf(n_breaches, n_days, level))
    found = kupiec(days(n_days - n_breaches, n_breaches), level)
    assert found.statistic == pytest.approx(expected)
    assert found.p_value == pytest.approx(chi2.sf(expected, 1))


def test_kupiec_by_hand():
    """Of 255 days 7 breaches at 1 %: Kupiec's (1995) table rejects from 7 on, not with 6 (5 % critical value 3.84)."""
    assert kupiec(days(249, 6), 0.01).statistic < 3.841 < kupiec(days(248, 7), 0.01).statistic


def test_christoffersen_by_hand():
    """Pairs 00: 5, 01: 2, 10: 1, 11: 1; rates 2/7 after none, 1/2 after one, 3/9 at all."""
    found = christoffersen(days(3, 2, 4, 1))
    apart = 5 * math.log(5 / 7) + 2 * math.log(2 / 7) + 1 * math.log(1 / 2) + 1 * math.log(1 / 2)
    expected = 2 * (apart - 6 * math.log(6 / 9) - 3 * math.log(3 / 9))
    assert found.statistic == pytest.approx(expected)
    assert found.p_value == pytest.approx(chi2.sf(expected, 1))


def test_breaches_in_clusters_are_found_and_their_number_is_not_looked_at():
    clustered = days(*[180, 20] * 5)
    assert christoffersen(clustered).p_value < 1e-6
    assert kupiec(clustered, 0.1).p_value == 1


@pytest.mark.parametrize(
    "breaches", [days(), days(1), days(0, 1), days(250), days(0, 250), days(249, 1), days(0, 1, 249)]
)
def test_no_breach_or_nothing_but_breaches_gives_numbers(breaches):
    for found in (kupiec(breaches, 0.01), christoffersen(breaches)):
        assert math.isfinite(found.statistic)
        assert found.statistic >= 0
        assert 0 <= found.p_value <= 1


def test_no_breach_by_hand():
    """The likelihood of none is 1 at the rate 0, and .99 ** 250 at 1 %."""
    assert kupiec(days(250), 0.01).statistic == pytest.approx(-500 * math.log(0.99))
    assert kupiec(days(0, 9), 0.01).statistic == pytest.approx(-18 * math.log(0.01))
    assert christoffersen(days(250)).p_value == christoffersen(days(0, 250)).p_value == 1


def test_true_levels_are_rejected_at_the_rate_of_the_test():
    """2,000 simulated markets of 1,000 days; the standard error of the rate is half a point."""
    breaches = np.random.default_rng(0).random((2000, 1000)) < 0.1
    assert abs(np.mean([kupiec(row, 0.1).p_value < 0.05 for row in breaches]) - 0.05) < 0.015
    assert abs(np.mean([christoffersen(row).p_value < 0.05 for row in breaches]) - 0.05) < 0.02


@pytest.mark.parametrize("level", [0, 1, -0.1, math.nan])
def test_wrong_levels_are_named(level):
    with pytest.raises(ValueError, match=f"got {level}"):
        kupiec(days(9, 1), level)
