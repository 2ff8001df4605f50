"""Forecasts of any history, believed as far as they were better than the last value."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.series.answer import UNTRAINED
from models.series.forecaster import SeriesForecaster
from models.series.settings import LEVELS, MEDIAN, SeriesSettings, between_knots

FAST = {"n_epochs": 3, "n_origins": 60}


def waves(n_series=40, n_steps=150, seed=0):
    """A season of six steps with noise on different levels: what comes is known but for the noise."""
    rng = np.random.default_rng(seed)
    size, phase = rng.uniform(1, 100, (n_series, 1)), rng.integers(0, 6, (n_series, 1))
    pattern = np.array([0.0, 3.0, 1.0, -2.0, -4.0, 2.0])[(np.arange(n_steps) + phase) % 6]
    return list(size * (10 + pattern + 0.3 * rng.standard_normal((n_series, n_steps))))


def walks(n_series, n_steps=300, seed=0):
    return list(100 + np.random.default_rng(seed).standard_normal((n_series, n_steps)).cumsum(axis=1))


@pytest.fixture(scope="module")
def seasonal():
    histories = [one[:-6] for one in waves()]
    return SeriesForecaster(SeriesSettings(6, season=6, **FAST)).fit(histories)


def test_a_season_is_found_and_its_intervals_hold(seasonal):
    whole = waves()
    outcome = np.stack([one[-6:] for one in whole])
    forecasts = seasonal.forecasts([one[:-6] for one in whole])
    size = np.stack([one.mean() / 10 * np.ones(6) for one in whole])
    median = np.stack([one.median for one in forecasts])
    assert np.abs((median - outcome) / size).mean() < 0.5  # 0.24 is the noise
    assert {one.method for one in forecasts} <= {"network", "bank"}
    quantiles = np.stack([one.quantiles for one in forecasts])
    covered = (quantiles[:, :, 0] <= outcome) & (outcome <= quantiles[:, :, -1])
    assert covered.mean() > 0.85


@pytest.mark.parametrize("n_series", [8, 40])
def test_of_random_walks_the_last_value_stays_nearly_alone(n_series):
    """Nothing can be known: the median is within a small part of the scale of the last value."""
    histories = walks(n_series)
    forecasts = SeriesForecaster(SeriesSettings(5, **FAST)).fit(histories).forecasts(histories)
    last = np.array([one[-1] for one in histories])
    assert np.abs(np.stack([one.median for one in forecasts]) - last[:, None]).mean() < 0.25


@pytest.mark.parametrize("n", [1, 2, 3, 15])
def test_a_short_history_is_answered_with_its_last_value(seasonal, n):
    found = seasonal.forecasts([np.arange(1.0, n + 1)])[0]
    assert found.method == "naive"
    assert f"{n} of the 16" in found.why
    assert found.median.tolist() == [n] * 6
    assert found.quantiles[0, 0] < n < found.quantiles[0, -1]
    assert len(found.warnings) == (n == 1)


@pytest.mark.parametrize("value", [7.0, 0.0, -3.0])
def test_a_history_that_never_moved_stays(seasonal, value):
    found = seasonal.forecasts([np.full(100, value)])[0]
    assert found.method == "naive"
    assert found.median.tolist() == [value] * 6
    assert "never moved" in found.why
    assert found.warnings


def test_too_little_to_learn_from_is_no_error():
    for histories in ([np.array([5.0])], [np.full(200, 2.0)] * 3, [np.arange(10.0), np.array([1.0, 2.0])]):
        forecaster = SeriesForecaster(SeriesSettings(4, season=3, **FAST)).fit(histories)
        for history, found in zip(histories, forecaster.forecasts(histories), strict=True):
            assert found.method == "naive"
            assert found.median.tolist() == [history[-1]] * 4
            assert np.isfinite(found.quantiles).all()
        long = forecaster.forecasts([np.random.default_rng(0).standard_normal(50)])[0]
        assert long.why == UNTRAINED


def test_an_unlearned_interval_is_that_of_a_random_walk():
    """Of normal steps, for any step ahead."""
    rng = np.random.default_rng(0)
    steps = rng.standard_normal((4000, 54))
    paths = steps.cumsum(axis=1)
    forecaster = SeriesForecaster(SeriesSettings(4)).fit([np.array([1.0])])
    quantiles = np.stack([one.quantiles for one in forecaster.forecasts(list(paths[:, :50]))])
    covered = (quantiles[:, :, 0] <= paths[:, 50:]) & (paths[:, 50:] <= quantiles[:, :, -1])
    np.testing.assert_allclose(covered.mean(axis=0), 0.95, atol=0.03)


def test_one_alone_is_answered_as_among_others(seasonal):
    histories = [one[:-6] for one in waves(seed=1)] + [np.array([3.0])]
    together = seasonal.forecasts(histories)
    for history, found in zip(histories[::9], together[::9], strict=True):
        np.testing.assert_array_equal(seasonal.forecasts([history])[0].quantiles, found.quantiles)


def test_many_origins_are_answered_as_each_alone(seasonal):
    history, origins = waves(seed=2)[0], np.array([3, 40, 41, 149])
    found = seasonal.quantiles_at(history, origins)
    for place, origin in enumerate(origins):
        np.testing.assert_array_equal(found[place], seasonal.forecasts([history[: origin + 1]])[0].quantiles)


def test_another_unit_gives_the_same_forecast(seasonal):
    history = waves(seed=3)[0]
    one, other = (seasonal.forecasts([history * unit])[0].quantiles for unit in (1, 1e-6))
    np.testing.assert_allclose(other * 1e6, one, rtol=1e-4)


numbers = st.floats(-1e200, 1e200) | st.sampled_from([0.0, 1.0, -1.0, 1e-300])


@given(st.lists(numbers, min_size=1, max_size=60))
def test_quantiles_never_cross_and_are_numbers(seasonal, values):
    quantiles = seasonal.forecasts([np.array(values)])[0].quantiles
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert quantiles.shape == (6, len(LEVELS))


def test_equal_seeds_give_equal_bits_and_others_do_not():
    def found(seed):
        forecaster = SeriesForecaster(SeriesSettings(6, season=6, **FAST), seed=seed).fit(waves())
        return np.stack([one.quantiles for one in forecaster.forecasts(waves())])

    np.testing.assert_array_equal(found(1), found(1))
    assert (found(1) != found(2)).any()


def test_logarithms_give_positive_paths():
    histories = [np.exp(one / 30) for one in waves()]
    forecaster = SeriesForecaster(SeriesSettings(6, season=6, transform="log", **FAST)).fit(histories)
    forecasts = forecaster.forecasts([*histories, np.array([2.0]), np.r_[1e-300, 1e300]])
    quantiles = np.stack([one.quantiles for one in forecasts])
    assert (quantiles >= 0).all()
    assert np.isfinite(quantiles).all()
    assert forecasts[-2].median.tolist() == pytest.approx([2.0] * 6)


def test_between_knots_lie_straight_lines():
    settings = SeriesSettings(200)
    knots = settings.knots()
    assert knots[0] == 1
    assert knots[-1] == 200
    assert len(knots) <= 24
    lines = np.stack([3 * knots, -knots], axis=1)[None]
    found = between_knots(lines, knots, 200)
    np.testing.assert_allclose(found[0, :, 0], 3 * np.arange(1, 201))
    np.testing.assert_allclose(found[0, :, 1], -np.arange(1.0, 201))
    assert SeriesSettings(24).knots().tolist() == list(range(1, 25))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"horizon": 0}, "horizon must be at least 1, got 0"),
        ({"horizon": 3, "season": 0}, "season must be at least 1"),
        ({"horizon": 3, "transform": "root"}, "'none' or 'log', got 'root'"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        SeriesSettings(**wrong)


def test_the_median_is_the_middle_level():
    assert LEVELS[MEDIAN] == 0.5
    assert [LEVELS[low] + LEVELS[-1 - low] for low in range(3)] == [1, 1, 1]
