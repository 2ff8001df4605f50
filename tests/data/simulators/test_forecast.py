"""The simulated market: its rows are a table of series, and its true quantiles are true."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from data.checking import checked_frame
from data.series.histories import histories
from data.simulators import forecast
from data.simulators.forecast import HORIZON, LEVELS, NAMES, SHOPS, STOCKS, SeriesSimulation, simulate


@functools.cache
def market() -> SeriesSimulation:
    return simulate(60_000, 0)


def of(name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """The rows of one series, and their true quantiles."""
    chosen = (market().frame["name"] == name).to_numpy()
    return market().frame[chosen].reset_index(drop=True), market().quantiles[chosen]


def test_rows_are_the_series_of_the_table():
    table = forecast.TABLE
    found = histories(checked_frame(table, market().frame, "rows", training=True), table, "rows")

    assert tuple(history.key for history in found) == market().names == NAMES
    assert market().frame.columns.tolist() == table.column_names
    assert table.series is not None
    assert table.series.horizon == HORIZON
    lengths = {history.key: len(history) for history in found}
    assert lengths.pop("listing") == 8
    assert max(lengths.values()) - min(lengths.values()) <= 1
    assert len({history.times[-1] for history in found if history.times is not None}) == 1


@pytest.mark.parametrize("n_rows", [1, 50, 500])
def test_short_tables_have_the_asked_number_of_rows(n_rows):
    simulation = simulate(n_rows, 0)

    assert len(simulation.frame) == len(simulation.quantiles) == len(simulation.probability) == n_rows
    assert (
        len(simulation.names) == len(simulation.ahead) == len(simulation.future) == simulation.frame["name"].nunique()
    )


def test_the_seed_alone_decides():
    first, again, other = simulate(2_000, 3), simulate(2_000, 3), simulate(2_000, 4)

    pd.testing.assert_frame_equal(first.frame, again.frame)
    assert (first.quantiles == again.quantiles).all()
    assert (first.ahead == again.ahead).all()
    assert (first.future == again.future).all()
    assert not first.frame.equals(other.frame)


@pytest.mark.parametrize("names", [STOCKS, SHOPS, ("crisis",)], ids=["prices", "shops", "crisis"])
def test_values_are_below_their_quantiles_as_often_as_the_level_says(names):
    """Given the past, so errors of different days are independent."""
    chosen = market().frame["name"].isin(names).to_numpy()
    below = market().frame["value"].to_numpy()[chosen, None] < market().quantiles[chosen]

    for share, level in zip(below.mean(axis=0), LEVELS, strict=True):
        assert abs(share - level) < 3.5 * np.sqrt(level * (1 - level) / chosen.sum())


def test_pieces_have_the_quantiles_of_their_distribution():
    """Those of a table of probabilities; the value is none in seven of ten days."""
    frame, quantiles = of("spare part")
    pieces = np.arange(40)
    shares = 0.3 * stats.poisson.pmf(pieces - 1, 2) + 0.7 * (pieces == 0)
    expected = [int(np.argmax(np.cumsum(shares) >= level)) for level in LEVELS]

    assert (quantiles == expected).all()
    assert (frame["value"] == 0).mean() == pytest.approx(0.7, abs=0.04)
    assert frame.loc[frame["value"] > 0, "value"].mean() == pytest.approx(3, abs=0.25)


def test_futures_are_below_their_quantiles_as_often_as_the_level_says():
    """At the last step, over the stocks and shops of many markets, which are independent of each other."""
    n = len(STOCKS) + len(SHOPS)
    markets = [simulate(400, seed, n_paths=400) for seed in range(40)]
    below = np.concatenate([one.future[:n, -1, None] < one.ahead[:n, -1] for one in markets])

    for share, level in zip(below.mean(axis=0), LEVELS, strict=True):
        assert abs(share - level) < 3.5 * np.sqrt(level * (1 - level) * (1 / len(below) + 1 / 400 / 40)), level


def test_volatility_is_that_of_the_formula():
    """From the returns of the rows alone, once the start is forgotten."""
    frame, quantiles = of("stock 01")
    prices = frame["value"].to_numpy()
    returns = 100 * np.diff(np.log(prices)) - forecast.DRIFT
    widths = 100 * np.log(quantiles[:, -1] / quantiles[:, 0])[1:] / (2 * stats.t.ppf(0.975, 5) * np.sqrt(3 / 5))
    scale = np.sqrt(np.mean(widths**2))  # v, since h is 1 on average
    h = np.empty(len(returns) + 1)
    h[0] = (widths[0] / scale) ** 2
    for day, z2h in enumerate((returns / scale) ** 2):
        h[day + 1] = 0.02 + (0.03 + 0.10 * (returns[day] < 0)) * z2h + 0.90 * h[day]

    assert np.corrcoef(np.sqrt(h[200:-1]), widths[200:])[0, 1] > 0.9999


def test_series_are_what_they_are_called():
    """A shop has its weekdays and better times, the crisis begins late, and bad news move prices more."""
    shop, _ = of("shop 01")
    logs = np.log(shop["value"])
    by_day = logs.groupby(shop["date"].dt.day_of_week).transform("mean")
    assert (logs - by_day).diff().std() < 0.7 * logs.diff().std()
    assert (logs - by_day).autocorr() > 0.2
    crisis = np.log(of("crisis")[0]["value"]).diff()
    assert crisis.iloc[-len(crisis) // 4 :].std() > 2 * crisis.iloc[: len(crisis) // 2].std()
    after = {True: [], False: []}
    for name in STOCKS[:20]:
        frame, quantiles = of(name)
        fell = (frame["value"].diff() < 0).to_numpy()
        widths = np.log(quantiles[:, -1] / quantiles[:, 0])
        after[True].append(widths[1:][fell[:-1]].mean() / widths.mean())
        after[False].append(widths[1:][~fell[:-1]].mean() / widths.mean())
    assert np.mean(after[True]) > 1.02 * np.mean(after[False])
