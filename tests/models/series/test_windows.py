"""Windows know nothing of what comes after, and nothing of the unit."""

import numpy as np
import pytest

from models.series.histories import Histories, scales
from models.series.settings import SMALL, SeriesSettings
from models.series.windows import futures, training_origins, window_weights, windows_at

SETTINGS = SeriesSettings(5, season=6)
ORIGINS, OF = np.array([30, 47, 59, 12, 40]), np.array([0, 0, 0, 1, 1])


@pytest.fixture
def series():
    rng = np.random.default_rng(3)
    return [rng.standard_normal(n).cumsum() + 50 for n in (60, 41)]


def at(series, settings=SETTINGS):
    return windows_at(Histories.of(series), ORIGINS, OF, settings, SMALL)


def test_no_later_value_is_read(series):
    """Whatever comes after an origin, its window is the same."""
    whole = at(series)
    for place, (origin, row) in enumerate(zip(ORIGINS, OF, strict=True)):
        other = [values.copy() for values in series]
        other[row][origin + 1 :] = 1e6
        changed = at(other)
        np.testing.assert_array_equal(changed.X[place], whole.X[place])
        np.testing.assert_array_equal(changed.bank[place], whole.bank[place])
        assert changed.scale[place] == whole.scale[place]


def test_features_have_no_unit(series):
    """In a thousandth of the unit the features are the same, and path and scale a thousand times as large."""
    whole, other = at(series), at([values * 1000 for values in series])
    np.testing.assert_allclose(other.X, whole.X, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(other.bank, whole.bank * 1000)
    np.testing.assert_allclose(other.scale, whole.scale * 1000)


def test_a_window_does_not_depend_on_other_series(series):
    alone = windows_at(Histories.of(series[1:]), ORIGINS[3:], OF[3:] - 1, SETTINGS, SMALL)
    np.testing.assert_array_equal(alone.X, at(series).X[3:])
    np.testing.assert_array_equal(alone.bank, at(series).bank[3:])


def test_the_first_features_are_the_last_values(series):
    """By their formula, against a plain loop: arcsinh of (x[t-k] - x[t]) / s, the first value before the first."""
    found = at(series)
    for place, (origin, row) in enumerate(zip(ORIGINS, OF, strict=True)):
        values = series[row]
        scale = np.abs(np.diff(values[: origin + 1])).mean()  # shorter than what the scale looks back
        lags = [(values[max(origin - lag, 0)] - values[origin]) / scale for lag in range(1, 14)]
        np.testing.assert_allclose(found.X[place, :13], np.arcsinh(lags), rtol=1e-5)
        blocks, newest, padded = [], origin - 13, lambda t, values=values: values[max(t, 0)]
        for width, n_blocks in ((4, 6), (13, 5)):
            for _ in range(n_blocks):
                blocks.append(np.mean([padded(newest - back) for back in range(width)]))
                newest -= width
        expected = np.arcsinh((np.array(blocks) - values[origin]) / scale)
        np.testing.assert_allclose(found.X[place, 13:24], expected, rtol=1e-4, atol=1e-6)


def test_last_seasons_moves_are_those_of_the_same_steps(series):
    """One and two seasons ago, once two and three seasons are known."""
    found, values = at(series), series[0]
    scale = np.abs(np.diff(values[:48])).mean()
    for n_seasons, start in ((1, 24), (2, 30)):
        base = 47 - n_seasons * 6
        moves = [(values[base + step] - values[base]) / scale for step in range(1, 6)]
        np.testing.assert_allclose(found.X[1, start : start + 5], np.arcsinh(moves), rtol=1e-5)
    assert found.X[3, 29] == 1
    assert found.X[3, 35] == 0
    assert not found.X[3, 30:35].any()


def test_training_origins_have_a_whole_future():
    """The latest of each series, each with a past of the least length; of few series spread over all the past."""
    histories = Histories.of([np.arange(float(n)) for n in (500, 20, 21, 3)])
    settings = SeriesSettings(5, n_origins=100)
    latest, of = training_origins(histories, settings, spread=False)
    assert latest[of == 0].tolist() == list(range(395, 495))
    assert latest[of == 1].tolist() == []
    assert latest[of == 2].tolist() == [15]
    spread, of = training_origins(histories, settings, spread=True)
    assert spread[of == 0].max() == 494
    assert spread[of == 0].min() < 25
    assert len(spread[of == 0]) <= 100
    windows = windows_at(histories, latest, np.zeros_like(latest), settings, SMALL)
    assert futures(histories, windows, settings.knots())[:, 0].tolist() == (latest + 1).tolist()


def test_a_quiet_stretch_does_not_shrink_the_scale_to_nothing():
    values = np.r_[np.cumsum(np.ones(200)), np.full(150, 200.0)]
    histories = Histories.of([values])
    sums = histories.step_sums()
    found = scales(sums, np.array([100, 349, 0]), np.zeros(3, int))
    np.testing.assert_allclose(found, [1.0, 0.05 * 199 / 349, 0.0])


def test_series_weigh_the_same_and_no_window_more_than_its_bound(series):
    windows = at(series)
    ahead = np.repeat(windows.last[:, None], 5, axis=1)
    weights = window_weights(windows, ahead, logs=False)
    assert weights.mean() == pytest.approx(1)
    assert weights[OF == 0].sum() / weights[OF == 1].sum() == pytest.approx(1, abs=0.5)
