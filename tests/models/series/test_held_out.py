"""Nobody is judged on what it learned from."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.series.held_out import folds_of_series, folds_of_time, groups_to_judge_by, time_blocks

RNG = np.random.default_rng


def test_a_series_is_held_out_with_all_its_windows():
    of = RNG(0).integers(0, 20, 300)
    folds = folds_of_series(of, 3, RNG(1))
    assert sorted(np.concatenate([held for _, held in folds]).tolist()) == list(range(300))
    for training, held in folds:
        assert not set(of[training]) & set(of[held])
        assert len(training) + len(held) == 300


@given(n_steps=st.integers(1, 400), horizon=st.integers(1, 40), stride=st.integers(1, 5))
def test_no_future_of_the_training_windows_overlaps_one_held_out(n_steps, horizon, stride):
    """A window at t has the future t+1 .. t+horizon; training and held-out ones share no step."""
    ages = np.tile(np.arange(horizon, horizon + n_steps, stride), 3)
    folds = folds_of_time(ages, horizon)
    for training, held in folds:
        gaps = np.abs(ages[training][:, None] - ages[held])
        assert gaps.min() >= horizon
        if stride == 1:
            assert gaps.min() == horizon  # and nothing more is lost
    if folds:
        assert sorted(np.concatenate([held for _, held in folds]).tolist()) == list(range(len(ages)))
        assert len(folds) >= 3


def test_eight_blocks_where_the_past_is_long_enough_and_none_where_there_would_be_two():
    assert len(time_blocks(np.arange(10, 1000), 10)[1]) == 9
    assert len(time_blocks(np.arange(10, 10 + 60), 10)[1]) == 4
    assert len(time_blocks(np.arange(10, 10 + 59), 10)[1]) == 0


def test_groups_leave_out_windows_that_reach_into_the_next_block():
    """Between the futures of two groups is no common step."""
    ages = np.arange(10, 330)
    groups = groups_to_judge_by(np.zeros_like(ages), ages, 10, few=False, rng=RNG(0))
    assert set(groups) == set(range(-1, 8))
    for one in range(7):
        assert ages[groups == one + 1].min() - ages[groups == one].max() >= 10
    assert (groups == -1).sum() == 7 * 10


def test_many_short_series_are_judged_by_groups_of_series_and_few_not_at_all():
    of, ages = np.repeat(np.arange(40), 20), np.tile(np.arange(12, 32), 40)
    groups = groups_to_judge_by(of, ages, 12, few=False, rng=RNG(0))
    assert set(groups) == set(range(8))
    assert all(len(set(groups[of == one])) == 1 for one in range(40))
    assert set(groups_to_judge_by(of, ages, 12, few=True, rng=RNG(0))) == {-1}
