"""Volatilities by their definitions, and no look ahead."""

import math

import numpy as np
import pandas as pd
import pytest

from models.series.returns.inputs import DECAYS, inputs, moving_average, outcomes, scale
from models.series.returns.market_days import MarketDays

RNG = np.random.default_rng(0)
RETURNS, RANGES = 0.01 * RNG.normal(size=300), 0.02 * RNG.random(300)


@pytest.mark.parametrize("decay", DECAYS)
def test_moving_averages_are_those_of_pandas(decay):
    expected = pd.Series(RETURNS).ewm(alpha=1 - decay, adjust=True).mean()
    np.testing.assert_allclose(moving_average(RETURNS, decay), expected)


def test_features_by_their_definitions():
    X = inputs(MarketDays(RETURNS, RANGES))
    assert X.shape == (300, 4 + 4 + 1 + 5)

    def root(values, decay):
        return np.sqrt(pd.Series(values).ewm(alpha=1 - decay).mean().to_numpy())

    unit = root(RETURNS**2, 0.94)
    parkinson = [root(RANGES**2 / (4 * math.log(2)), decay) for decay in (0.8, 0.94, 0.97, 0.99)]
    others = [root(RETURNS**2, decay) for decay in (0.8, 0.97, 0.99)]
    falls = root(np.minimum(RETURNS, 0) ** 2, 0.94) ** 2 / unit**2
    for day in (10, 299):
        last = [RETURNS[day - ago] / unit[day - ago - 1] for ago in range(5)]
        expected = [math.log(unit[day]), *(math.log(one[day] / unit[day]) for one in others + parkinson), falls[day]]
        np.testing.assert_allclose(X[day], expected + last, rtol=1e-5)


def test_features_know_nothing_of_later_days():
    other = MarketDays(np.r_[RETURNS[:200], 5 * RETURNS[200:]], np.r_[RANGES[:200], 5 * RANGES[200:]])
    np.testing.assert_array_equal(inputs(MarketDays(RETURNS, RANGES))[:200], inputs(other)[:200])
    np.testing.assert_array_equal(inputs(MarketDays(RETURNS[:200])), inputs(MarketDays(RETURNS))[:200])


def test_outcomes_are_sums_of_what_comes_after():
    days = MarketDays(RETURNS)
    come = outcomes(days, np.array([0, 50, 297, 299]), (1, 5))
    unit = scale(days)
    np.testing.assert_allclose(come[1], [RETURNS[51] / unit[50], RETURNS[51:56].sum() / unit[50] / math.sqrt(5)])
    np.testing.assert_allclose(come[0, 1], RETURNS[1:6].sum() / unit[0] / math.sqrt(5))
    assert np.isnan(come).tolist() == [[False, False], [False, False], [False, True], [True, True]]


def test_a_market_that_stands_still_has_finite_features():
    assert np.isfinite(inputs(MarketDays(np.zeros(50), np.zeros(50)))).all()


def test_days_from_prices():
    days = MarketDays.from_prices(np.array([1.0, 2.0, 1.0]), high=np.array([1, 2, 4.0]), low=np.array([1, 1, 1.0]))
    np.testing.assert_allclose(days.returns, [math.log(2), -math.log(2)])
    np.testing.assert_allclose(days.ranges, [math.log(2), math.log(4)])


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        ({"close": [1.0, 0.0]}, "close must be above 0, row 1 has 0.0"),
        ({"close": [1.0, np.nan]}, "close must be above 0, row 1 has nan"),
        ({"close": [1.0, 2.0], "high": [1.0, 2.0]}, "high and low must be given together"),
        ({"close": [1.0, 2.0], "high": [1.0, 2.0], "low": [1.0, 3.0]}, "the high of day 0 is below its low"),
        ({"close": [1.0, 2.0, 3.0], "high": [1.0, 2.0], "low": [1.0, 2.0]}, "one value for each day"),
    ],
)
def test_bad_prices_are_named(prices, message):
    with pytest.raises(ValueError, match=message):
        MarketDays.from_prices(**{name: np.array(values) for name, values in prices.items()})


def test_a_return_that_is_not_finite_is_named():
    with pytest.raises(ValueError, match="day 1 has inf"):
        MarketDays(np.array([0.0, np.inf]))
