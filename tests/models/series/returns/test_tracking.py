"""Offsets follow breaches, and nothing that has not come yet."""

import numpy as np
import pytest

from models.series.returns.forecaster import RETURN_LEVELS
from models.series.returns.tracking import tracked


def test_by_hand():
    """Two breaches of a quantile at 10 %, then none: -.02 * .9 each, then +.02 * .1."""
    moved = tracked(np.full((4, 1), -1.0), np.array([-2.0, -2.0, 0.0, 0.0]), (0.1,), rate=0.02)
    np.testing.assert_allclose(moved[:, 0], [-1.0, -1.018, -1.036, -1.034])


@pytest.mark.parametrize("delay", [1, 5])
def test_an_outcome_moves_only_rows_that_know_it(delay):
    rng = np.random.default_rng(0)
    quantiles, outcomes = np.sort(rng.normal(size=(40, 3))), rng.normal(size=40)
    other = outcomes.copy()
    other[20] = -9 if outcomes[20] > -9 else 9
    before, after = (tracked(quantiles, some, (0.1, 0.5, 0.9), rate=0.1, delay=delay) for some in (outcomes, other))
    np.testing.assert_array_equal(before[: 20 + delay], after[: 20 + delay])
    assert not np.array_equal(before[20 + delay], after[20 + delay])


def test_breaches_come_to_their_level_whatever_the_quantiles():
    """By the rule itself, the rate is off by at most the range of the offset over rate times days."""
    outcomes = np.random.default_rng(1).standard_t(4, 20_000)
    moved = tracked(np.zeros((20_000, len(RETURN_LEVELS))), outcomes, RETURN_LEVELS, rate=0.02)
    np.testing.assert_allclose((outcomes[:, None] < moved).mean(axis=0), RETURN_LEVELS, atol=0.012)


def test_they_never_cross_and_gaps_move_nothing():
    rng = np.random.default_rng(2)
    quantiles = np.sort(0.01 * rng.normal(size=(500, 11)))
    assert (np.diff(tracked(quantiles, rng.normal(size=500), RETURN_LEVELS, rate=0.5)) >= 0).all()
    np.testing.assert_array_equal(tracked(quantiles, np.full(500, np.nan), RETURN_LEVELS, rate=0.5), quantiles)
