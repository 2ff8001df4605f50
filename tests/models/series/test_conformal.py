"""Intervals cover what they say, also on rows that they were not adjusted on."""

import numpy as np
import pytest

from models.series.conformal import PAIRS, interval_offsets
from models.series.settings import LEVELS, MEDIAN


@pytest.mark.parametrize("width", [0.1, 1.0, 5.0])
def test_too_narrow_and_too_wide_intervals_are_set_right(width):
    rng = np.random.default_rng(0)
    outcome = rng.standard_t(3, (6000, 2))
    quantiles = np.tile(width * (np.array(LEVELS) - 0.5), (6000, 2, 1))
    offsets = interval_offsets(quantiles[:3000], outcome[:3000])
    assert offsets[:, MEDIAN].tolist() == [0, 0]
    for low, high in PAIRS:
        bounds = quantiles[3000:] + offsets
        covered = (bounds[:, :, low] <= outcome[3000:]) & (outcome[3000:] <= bounds[:, :, high])
        np.testing.assert_allclose(covered.mean(axis=0), LEVELS[high] - LEVELS[low], atol=0.025)


@pytest.mark.parametrize(("n", "inside"), [(99, (95, 80, 50)), (100, (96, 81, 51)), (5, (5, 5, 3))])
def test_on_the_rows_themselves_the_share_is_reached_by_the_fewest(n, inside):
    """By the definition: with n rows, ceil((n + 1)(1 - alpha)) of them are inside, at most all."""
    outcome = np.random.default_rng(1).permutation(np.arange(1.0, n + 1))[:, None]
    quantiles = np.zeros((n, 1, len(LEVELS)))
    offsets = interval_offsets(quantiles, outcome)
    assert offsets[0, 0] == -offsets[0, 6]
    assert tuple((outcome <= offsets[0, high]).sum() for _, high in PAIRS) == inside


def test_without_rows_nothing_is_added():
    assert not interval_offsets(np.zeros((0, 3, 7)), np.zeros((0, 3))).any()
