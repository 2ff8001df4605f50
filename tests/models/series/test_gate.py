"""A forecast is believed as far as several groups bear it out."""

import numpy as np
import pytest

from models.series.gate import believed_share

N, GROUPS = 4000, np.repeat(np.arange(8), 500)


def share(forecast, outcome, groups=GROUPS, *, must_gain=True):
    return believed_share(lambda a: np.abs(outcome - a * forecast), groups, must_gain=must_gain)


@pytest.fixture
def outcome():
    return np.random.default_rng(0).standard_normal((N, 4))


def test_the_truth_is_believed(outcome):
    noise = np.random.default_rng(1).standard_normal((N, 4))
    assert (share(outcome + 0.01 * noise, outcome) >= 0.95).all()


def test_the_share_stays_between_none_and_all(outcome):
    """Of half the truth twice as much would be best; of noise the error is larger than the share."""
    assert share(0.5 * outcome, outcome).tolist() == [1] * 4
    noise = 0.05 * np.random.default_rng(2).standard_normal((N, 4))
    assert (share(noise, outcome, must_gain=False) >= 0).all()


@pytest.mark.parametrize("times", [2.0, 4.0])
def test_of_too_large_a_forecast_the_right_share_is_taken(outcome, times):
    np.testing.assert_allclose(share(times * outcome, outcome), 1 / times, atol=0.051)


def test_noise_and_the_opposite_are_not_believed(outcome):
    noise = np.random.default_rng(1).standard_normal((N, 4))
    assert (share(noise, outcome) == 0).all()
    assert (share(-outcome, outcome) == 0).all()


@pytest.mark.parametrize("must_gain", [True, False])
def test_one_good_period_is_not_enough(outcome, must_gain):
    """Right in one block only, large there: the best share is above 0, and its error takes it back."""
    noise = np.random.default_rng(1).standard_normal((N, 4))
    once = np.where(GROUPS[:, None] == 3, 3 * outcome, 0.3 * noise)
    moved = np.where(GROUPS[:, None] == 3, 3 * outcome, outcome)
    # Best is 1, and about 0 without that block: of seven times 1 and one 0 the jackknife error is .875
    assert share(once, moved, must_gain=must_gain).max() == pytest.approx(0 if must_gain else 0.125, abs=0.05)


@pytest.mark.parametrize(("n_better", "believed"), [(5, False), (6, False), (7, True)])
def test_it_must_be_better_in_nearly_all_blocks(outcome, n_better, believed):
    """Right in some blocks, and as wrong in the others: luck, although the best share is 1 and no block alone moves it.

    By hand: the gains are 1 and -1 times the same size. Of 6 and 2, mean / error is .5 / .327 = 1.5, below 1.895, the
    95 % quantile of t with 7 degrees; of 7 and 1 it is .75 / .25 = 3.
    """
    forecast = np.where(GROUPS[:, None] < n_better, outcome, -outcome)
    assert (share(forecast, outcome) > 0.5).all() == believed
    assert (share(forecast, outcome, must_gain=False) > 0.5).all()


def test_groups_left_out_do_not_count_and_one_proves_nothing(outcome):
    groups = np.where(GROUPS < 4, GROUPS, -1)
    forecast = np.where(groups[:, None] >= 0, outcome, -5 * outcome)
    assert (share(forecast, outcome, groups) > 0.9).all()
    assert share(outcome, outcome, np.zeros(N, int)).tolist() == [0, 0, 0, 0]
    assert share(outcome, outcome, np.full(N, -1)).tolist() == [0, 0, 0, 0]
