"""Forecasts of returns: of the days before alone, calibrated, near to the true quantiles, and never crossing."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from models.series.returns.forecaster import RETURN_LEVELS, ReturnsSettings, fit_returns, forecast_returns
from models.series.returns.market_days import MarketDays

SMALL = ReturnsSettings(horizons=(1, 5), n_members=2, n_epochs=1, refit_every=100)


def market(n_days: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Normal returns whose volatility changes slowly; returns and volatilities."""
    rng = np.random.default_rng(seed)
    sigma = 0.01 * np.exp(0.5 * np.sin(np.arange(n_days) / 60))
    return sigma * rng.normal(size=n_days), sigma


def test_later_days_change_nothing():
    returns, _ = market(500)
    other = np.r_[returns[:450], 3 * returns[450:]]
    both = [forecast_returns(MarketDays(some, np.abs(some)), 300, SMALL) for some in (returns, other)]
    assert both[0].shape == (200, 2, 11)
    np.testing.assert_array_equal(both[0][:150], both[1][:150])
    assert not np.array_equal(both[0][150], both[1][150])
    assert np.isfinite(both[0]).all()


def test_quantiles_are_near_to_the_true_ones():
    returns, sigma = market(2500, seed=1)
    quantiles = forecast_returns(MarketDays(returns), 1500, ReturnsSettings(n_members=2, n_epochs=10))
    for column, horizon in enumerate((1, 5, 10)):
        true = norm.ppf(RETURN_LEVELS) * math.sqrt(horizon) * np.mean(sigma[1500:])
        unit = math.sqrt(horizon) * np.mean(sigma[1500:])
        np.testing.assert_allclose(quantiles[:, column].mean(axis=0) / unit, true / unit, atol=0.35)
    below = (returns[1501:, None] < quantiles[:-1, 0]).mean(axis=0)
    np.testing.assert_allclose(below, RETURN_LEVELS, atol=0.03)


def test_days_after_a_fall_are_wider_where_falls_move_the_market():
    rng = np.random.default_rng(2)
    returns = np.zeros(1500)
    for day, shock in enumerate(rng.normal(size=1499), start=1):
        returns[day] = shock * (0.03 if returns[day - 1] < 0 else 0.01)
    quantiles = forecast_returns(MarketDays(returns), 1200, ReturnsSettings(n_members=2, learning_rate=0.005))[:, 0]
    width, fell = quantiles[:, 8] - quantiles[:, 2], returns[1200:] < 0
    assert np.median(width[fell]) > 1.3 * np.median(width[~fell])


def test_late_days_count_more():
    """A market that rose on 700 days and fell on the last 200: the late ones lower the median."""
    returns = 0.01 * (np.random.default_rng(3).normal(size=900) + np.where(np.arange(900) < 700, 1, -1))
    medians = []
    for half_life in (40, 1e6):
        fitted = replace(SMALL, horizons=(1,), half_life=half_life, n_epochs=20, learning_rate=0.01)
        network = fit_returns(MarketDays(returns), fitted, np.random.default_rng(0))
        medians.append(network.quantiles(network.mean[None].astype(np.float32))[0, 0, 5])
    assert medians[0] < medians[1] - 0.1


def test_the_network_refuses_too_few_days():
    with pytest.raises(ValueError, match=f"274 days are too few to learn from, at least {SMALL.min_days} are needed"):
        fit_returns(MarketDays(np.zeros(274)), SMALL, np.random.default_rng(0))


def test_the_future_after_the_last_day_is_forecast_and_seeds_repeat():
    returns, _ = market(300)
    days = MarketDays(returns)
    np.testing.assert_array_equal(
        forecast_returns(days, 299, SMALL, seed=3), forecast_returns(days, 299, SMALL, seed=3)
    )
    assert not np.array_equal(forecast_returns(days, 299, SMALL, seed=3), forecast_returns(days, 299, SMALL, seed=4))


@given(st.lists(st.floats(-0.5, 0.5), min_size=20, max_size=20), st.floats(0, 1))
@settings(max_examples=10, deadline=None)
def test_they_never_cross(some, rate):
    days = MarketDays(np.r_[np.zeros(5), np.tile(some, 15)])
    quantiles = forecast_returns(days, 290, replace(SMALL, tracking_rate=rate))
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=2) >= 0).all()


def test_a_market_that_stands_still_is_forecast_to_move_next_to_nothing():
    quantiles = forecast_returns(MarketDays(np.zeros(300)), 299, SMALL)
    assert np.isfinite(quantiles).all()
    assert np.abs(quantiles).max() < 1e-4


@pytest.mark.parametrize("first", [100, SMALL.min_days - 2, 300])
def test_too_few_days_are_refused(first):
    with pytest.raises(ValueError, match=f"first must be {SMALL.min_days - 1} to 299, got {first}"):
        forecast_returns(MarketDays(np.zeros(300)), first, SMALL)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"horizons": ()}, "horizons must rise"),
        ({"horizons": (5, 1)}, "horizons must rise"),
        ({"horizons": (0, 1)}, "horizons must rise"),
        ({"n_members": 0}, "n_members must be at least 1"),
        ({"refit_every": 0}, "refit_every must be at least 1"),
        ({"half_life": 0.0}, "half_life must be above 0"),
        ({"tracking_rate": -0.1}, "tracking_rate must be at least 0"),
    ],
)
def test_wrong_settings_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        ReturnsSettings(**wrong)
