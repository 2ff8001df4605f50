"""A stored forecaster forecasts bit for bit the same once loaded, and forged ones are refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from models.errors import BundleError
from models.registry.state import ARRAYS, STATE, dump_state, load_state
from models.series.forecaster import SeriesForecaster
from models.series.settings import SeriesSettings

SETTINGS = SeriesSettings(4, season=3, n_epochs=2, n_origins=40)


def waves(n_series: int = 36) -> list[Any]:
    rng = np.random.default_rng(0)
    return list(10 + np.tile([0.0, 2.0, -2.0], 30) + 0.3 * rng.standard_normal((n_series, 90)))


@pytest.fixture(scope="module")
def learned() -> SeriesForecaster:
    found = SeriesForecaster(SETTINGS, seed=3).fit(waves())
    assert found.network_ is not None
    return found


def again(forecaster: SeriesForecaster) -> SeriesForecaster:
    files = dump_state(forecaster, "m")
    loaded: SeriesForecaster = load_state(files[STATE], files[ARRAYS], "d")
    return loaded


@pytest.mark.parametrize("length", [1, 5, 16, 90])
def test_a_loaded_forecaster_says_the_same_to_the_bit(learned: SeriesForecaster, length: int) -> None:
    histories = [one[:length] for one in waves()[:5]]
    before, after = learned.forecasts(histories), again(learned).forecasts(histories)
    for one, other in zip(before, after, strict=True):
        assert one.quantiles.tobytes() == other.quantiles.tobytes()
        assert (one.method, one.why, one.warnings) == (other.method, other.why, other.warnings)


def test_one_that_could_not_learn_is_stored_as_well() -> None:
    short = SeriesForecaster(SETTINGS).fit([np.array([1.0, 2.0])])
    assert short.network_ is None
    found = again(short).forecasts([np.arange(30.0)])[0]
    assert found.quantiles.tobytes() == short.forecasts([np.arange(30.0)])[0].quantiles.tobytes()


def change(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def made(tree: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        for parent in parents:
            tree = tree[parent]
        tree[last] = value

    return made


@pytest.mark.parametrize(
    ("forge", "problem"),
    [
        (change("settings.horizon", 10**9), "horizon must be at most 1,000"),
        (change("settings.horizon", 0), "horizon must be at least 1"),
        (change("settings.season", 10**9), "season must be at most 2,000"),
        (change("settings.transform", "exp"), "transform must be"),
        (change("settings.horizon", 5), "mixture_ has 4 steps, the settings 5"),
        (change("settings.season", 1), "the settings need"),
        (change("usual_scale_", -1.0), "usual_scale_ must be at least 0"),
        (change("network_", None), "network|unknown array"),
    ],
)
def test_a_forged_one_is_refused(
    learned: SeriesForecaster, forge: Callable[[dict[str, Any]], None], problem: str
) -> None:
    files = dump_state(learned, "m")
    tree = json.loads(files[STATE])
    forge(tree)
    with pytest.raises(BundleError, match=problem):
        load_state(json.dumps(tree).encode(), files[ARRAYS], "d")


def test_a_spread_of_zero_is_refused(learned: SeriesForecaster) -> None:
    assert learned.network_ is not None
    network = learned.network_
    mean = network.mean
    try:
        network.mean = mean[:-1]
        with pytest.raises(BundleError, match=r"network_\.spread"):
            dump_state(learned, "m")
        network.mean, spread = mean, network.spread.copy()
        network.spread[0] = 0.0
        files = dump_state(learned, "m")
        with pytest.raises(BundleError, match="spread of a feature must be above 0"):
            load_state(files[STATE], files[ARRAYS], "d")
    finally:
        network.mean, network.spread = mean, spread
