"""Tests of two samples against scipy and plain enumeration; the false discovery rate against the textbook's loop."""

from __future__ import annotations

from itertools import product
from math import comb, prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from models.monitoring.drift.significance import homogeneity_p_value, q_values


def by_enumeration(reference: list[int], recent: list[int]) -> float:
    """Share of all ways to deal out the rows whose Pearson statistic is at least as great."""
    both, n = np.add(reference, recent), sum(recent)
    expected = both * n / both.sum()
    found = np.sum((np.array(recent) - expected) ** 2 / expected)
    ways = extreme = 0
    for dealt in product(*(range(count + 1) for count in both)):
        if sum(dealt) == n:
            weight = prod(comb(int(count), k) for count, k in zip(both, dealt, strict=True))
            ways += weight
            extreme += weight * (np.sum((np.array(dealt) - expected) ** 2 / expected) >= found - 1e-9)
    return extreme / ways


@given(st.lists(st.tuples(st.integers(60, 900), st.integers(60, 900)), min_size=2, max_size=12))
def test_well_filled_bins_are_tested_as_scipy_does(counts):
    """Pearson's test without Yates' correction; scipy's own implementation is the oracle."""
    reference, recent = np.array(counts).T
    expected = chi2_contingency([reference, recent], correction=False).pvalue
    assert homogeneity_p_value(reference, recent, seed=0) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("reference", "recent"),
    [([12, 3, 0], [5, 1, 3]), ([20, 1, 1], [9, 0, 2]), ([6, 6, 2], [6, 6, 2]), ([15, 0], [10, 3])],
)
def test_sparse_bins_are_dealt_out_anew(reference, recent):
    """As often as all ways to deal the rows out say, up to what 9,999 draws leave open."""
    found = homogeneity_p_value(np.array(reference), np.array(recent), seed=0)
    assert found == pytest.approx(by_enumeration(reference, recent), abs=0.015)


def test_one_bin_tells_nothing():
    """All rows in one bin, before and now."""
    assert homogeneity_p_value(np.array([500, 0]), np.array([300, 0]), seed=0) == 1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_q_values_are_those_of_the_loop(p_values):
    """Benjamini and Hochberg's step-up: from the greatest down, p times count by rank, never rising."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    expected, least = [0.0] * len(p_values), 1.0
    for rank in range(len(p_values), 0, -1):
        place = order[rank - 1]
        least = min(least, p_values[place] * len(p_values) / rank)
        expected[place] = least
    assert q_values(p_values) == pytest.approx(expected)


def test_nothing_tested_has_no_q_values():
    """No column has enough rows."""
    assert q_values([]) == []
