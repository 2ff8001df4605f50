"""Uplift: a known Qini is found again, and a brute-force count agrees with the curve."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.evaluation.uplift import UpliftError, uplift


def _experiment(seed: int, n_rows: int, *, largest: float):
    """An experiment whose effect on a row is uniform from 0 to `largest`."""
    rng = np.random.default_rng(seed)
    effects = rng.random(n_rows) * largest
    treated = rng.random(n_rows) < 0.5
    events = (rng.random(n_rows) < 0.2 + effects * treated).astype(float)
    return effects, treated, events, np.full(n_rows, 0.5)


def test_a_known_qini_is_recovered():
    """Effects uniform on 0..a, in perfect order: the curve is a (x - x^2 / 2), a / 12 above its line."""
    effects, treated, events, propensities = _experiment(0, 40_000, largest=0.6)

    found = uplift(effects, treated, events, propensities, seed=0, n_resamples=100)

    assert found.qini.low < 0.6 / 12 < found.qini.high
    assert found.qini.value == pytest.approx(0.6 / 12, abs=0.01)
    assert found.effect.low < 0.3 < found.effect.high
    middle = np.interp(0.5, found.shares, found.gains)
    assert middle == pytest.approx(0.6 * (0.5 - 0.125), abs=0.02)


def test_chance_has_a_qini_around_zero_and_the_reverse_order_one_below():
    """The interval of a random score holds 0; that of the worst score lies below."""
    effects, treated, events, propensities = _experiment(1, 20_000, largest=0.6)
    noise = np.random.default_rng(5).random(len(effects))

    by_chance = uplift(noise, treated, events, propensities, seed=0, n_resamples=100)
    reverse = uplift(-effects, treated, events, propensities, seed=0, n_resamples=100)

    assert by_chance.qini.low < 0 < by_chance.qini.high
    assert reverse.qini.high < 0


def test_one_score_for_all_is_no_better_than_chance():
    """Equal scores are treated together: the curve is its own straight line."""
    _, treated, events, propensities = _experiment(2, 500, largest=0.3)

    found = uplift(np.zeros(500), treated, events, propensities, seed=0, n_resamples=20)

    assert found.shares.tolist() == [0, 1]
    assert found.qini.value == found.qini.low == found.qini.high == 0
    assert found.effect.value == pytest.approx(events[treated].mean() - events[~treated].mean())


@given(seed=st.integers(0, 10_000), n_rows=st.integers(4, 60))
@settings(max_examples=50)
def test_the_curve_is_the_count_of_rows_above_each_score(seed, n_rows):
    """Against counting them one threshold after the other, ties included."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 8, n_rows).astype(float)
    treated, events = rng.random(n_rows) < 0.5, (rng.random(n_rows) < 0.4).astype(float)
    treated[:2] = [True, False]

    found = uplift(scores, treated, events, np.full(n_rows, 0.5), seed=0, n_resamples=2)

    expected = [(0.0, 0.0)]
    for threshold in np.unique(scores)[::-1]:
        above = scores >= threshold
        control = above & ~treated
        rate = events[control].mean() if control.any() else 0.0
        more = events[above & treated].sum() - rate * (above & treated).sum()
        expected.append((above.mean(), more / treated.sum()))
    np.testing.assert_allclose(np.stack([found.shares, found.gains], axis=1), expected, atol=1e-12)


def test_unequal_chances_are_weighted_away():
    """Where those who react were treated more often, weights by propensity bring the effect on everyone back."""
    rng = np.random.default_rng(3)
    reacts = rng.random(40_000) < 0.5
    chance = np.where(reacts, 0.8, 0.2)
    treated = rng.random(len(chance)) < chance
    events = (rng.random(len(chance)) < 0.1 + 0.4 * reacts * treated).astype(float)
    propensities = np.where(treated, chance, 1 - chance)

    weighted = uplift(reacts * 1.0, treated, events, propensities, seed=0, n_resamples=100)
    plain = uplift(reacts * 1.0, treated, events, np.ones(len(chance)), seed=0, n_resamples=100)

    assert weighted.effect.low < 0.2 < weighted.effect.high
    assert plain.effect.low > 0.2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scores": np.array([0.1, np.nan, 0.2])}, "row 2: the score must be finite, got nan"),
        ({"propensities": np.array([0.5, 0.5, 0.0])}, r"row 3: the propensity must be above 0 and at most 1, got 0\.0"),
        ({"events": np.ones(2)}, r"equal lengths, got \[3, 3, 2, 3\]"),
        ({"treated": np.zeros(3, bool)}, "0 of 3 rows are treated"),
        ({"treated": np.ones(3, bool)}, "3 of 3 rows are treated"),
    ],
)
def test_rows_that_tell_no_uplift_are_refused(changes, message):
    """Named, with the value and what is allowed."""
    rows = {
        "scores": np.array([0.1, 0.3, 0.2]),
        "treated": np.array([True, False, True]),
        "events": np.array([1.0, 0.0, 0.0]),
        "propensities": np.full(3, 0.5),
    }
    with pytest.raises(UpliftError, match=message):
        uplift(**{**rows, **changes}, seed=0)
