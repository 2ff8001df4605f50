"""A simulated market: 40 series of weekdays whose true conditional quantiles are known.

Model
-----
Every value is a rising function of the state of its series and of one uniform number u, so that its true quantiles
given the past are that function at the levels. N is the normal, T5 the distribution of Student with 5 degrees of
freedom scaled to variance 1, Q their quantile functions::

    22 prices (GJR-GARCH)  p <- p exp((0.02 + v sqrt(h) z) / 100), z = Q_T5(u), v from 0.8 to 2.2 by stock
                           h <- 0.02 + (0.03 + 0.10 [z < 0]) h z^2 + 0.90 h
    17 shops               y = l w (1 + 0.12 z), z = Q_N(u), w the shop's factor of the weekday
                           l <- l (1 + 0.012 z)
    1 spare part           0 with probability 0.7, else 1 + a Poisson number of mean 2

"crisis" is a price whose v trebles two thirds of the way. "listing" is one of which only the last 8 values are shown.
Values are rounded to cents after all else is computed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri, pdtr, stdtrit

from data.arrays import Floats, Integers, Mask
from data.files.table_toml import read_table
from data.series.frequencies import Times
from data.simulators import Simulation

TABLE = read_table(Path(__file__).with_suffix(".toml"))
LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
"""Levels of the true quantiles."""
HORIZON, N_SERIES, N_SHORT = 10, 40, 8
LAST_DAY = np.datetime64("2024-12-31")
N_STOCKS, N_SHOPS = 20, 17
STOCKS = (*(f"stock {i + 1:02d}" for i in range(N_STOCKS)), "crisis", "listing")
SHOPS = tuple(f"shop {i + 1:02d}" for i in range(N_SHOPS))
NAMES = (*STOCKS, *SHOPS, "spare part")
DRIFT, NEWS, BAD_NEWS, MEMORY = 0.02, 0.03, 0.10, 0.90
CRISIS_FACTOR = 3.0
SALES_DEVIATION, SALES_MEMORY = 0.12, 0.1
SHARE_SOLD, MEAN_PIECES = 0.3, 2.0
_SHARES_UP_TO = pdtr(np.arange(30), MEAN_PIECES)

State = tuple[Floats, ...]
Step = Callable[[State, Floats, int], tuple[Floats, State]]
"""(state, u of shape (n_series, n), day) to values of that shape, and the state after them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SeriesSimulation(Simulation):
    """Series with their true quantiles; `probability` is 1 in every row.

    Parameters
    ----------
    quantiles : of each row's value given the values before it in its series, (n_rows, n_levels); see `LEVELS`.
    names : of the series that have rows, in their order.
    ahead : quantiles of the values after the last row of each series, (n_series, `HORIZON`, n_levels), of `n_paths`
        drawn futures.
    future : what came then, (n_series, `HORIZON`).
    """

    quantiles: Floats
    names: tuple[str, ...]
    ahead: Floats
    future: Floats


def simulate(n_rows: int, seed: int, *, n_paths: int = 2_000) -> SeriesSimulation:
    """Draw series that end on the same day, about equally long but for "listing"; equal seeds give equal rows."""
    rng = np.random.default_rng(seed)
    lengths = _lengths(n_rows)
    n_days = int(lengths.max()) + HORIZON
    parts = [_run(step, state, n_days, rng, n_paths) for step, state in _processes(n_days, rng)]
    values, quantiles, ahead = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    shown = [slice(n_days - HORIZON - n, n_days - HORIZON) for n in lengths.tolist()]
    frame = pd.DataFrame(
        {
            "name": np.repeat(NAMES, lengths),
            "date": np.concatenate([_days(n) for n in lengths.tolist()]),
            "value": np.concatenate([row[days] for row, days in zip(values, shown, strict=True)]).round(2),
        }
    )
    of_rows = np.concatenate([of[days] for of, days in zip(quantiles, shown, strict=True)])
    with_rows = lengths > 0
    return SeriesSimulation(
        frame=frame,
        probability=np.ones(n_rows),
        quantiles=of_rows,
        names=tuple(np.array(NAMES)[with_rows].tolist()),
        ahead=ahead[with_rows],
        future=values[with_rows, n_days - HORIZON :].round(2),
    )


def _lengths(n_rows: int) -> Integers:
    """Rows of each series; all alike but "listing", as long as there are enough."""
    short = min(N_SHORT, n_rows // N_SERIES)
    lengths = np.array([len(part) for part in np.array_split(np.arange(n_rows - short), N_SERIES - 1)])
    return np.insert(lengths, STOCKS.index("listing"), short)


def _days(n: int) -> Times:
    return np.asarray(np.busday_offset(LAST_DAY, np.arange(1 - n, 1)).astype("datetime64[us]"))


def _processes(n_days: int, rng: np.random.Generator) -> list[tuple[Step, State]]:
    """The three kinds of series, each with the state before its first value, of shape (n_series, 1)."""
    volatility = rng.uniform(0.8, 2.2, (len(STOCKS), 1))
    crisis = np.array(STOCKS)[:, None] == "crisis"
    weekdays = np.exp(rng.normal(0, 0.35, (N_SHOPS, 5)))
    prices = (rng.uniform(20, 300, (len(STOCKS), 1)), np.ones((len(STOCKS), 1)))
    sales = (np.exp(rng.normal(6, 1, (N_SHOPS, 1))),)
    n_shown = n_days - HORIZON
    first = np.busday_count(np.datetime64("1969-12-29"), LAST_DAY) - n_shown + 1
    return [
        (_price_step(volatility, crisis, n_shown * 2 // 3), prices),
        (_sales_step(weekdays, int(first)), sales),
        (_pieces, (np.zeros((1, 1)),)),
    ]


def _price_step(volatility: Floats, crisis: Mask, change: int) -> Step:
    def step(state: State, u: Floats, day: int) -> tuple[Floats, State]:
        price, variance = state
        z = stdtrit(5, u) * np.sqrt(3 / 5)
        factor = np.where(crisis & (day >= change), CRISIS_FACTOR, 1.0)
        price = price * np.exp((DRIFT + factor * volatility * np.sqrt(variance) * z) / 100)
        news = NEWS + BAD_NEWS * (z < 0)
        return price, (price, 1 - NEWS - BAD_NEWS / 2 - MEMORY + news * variance * z**2 + MEMORY * variance)

    return step


def _sales_step(weekdays: Floats, first: int) -> Step:
    """`first` is the weekday of day 0, Mondays being multiples of 5."""

    def step(state: State, u: Floats, day: int) -> tuple[Floats, State]:
        (level,) = state
        error = np.maximum(SALES_DEVIATION * ndtri(u), -1.0)
        sold = level * weekdays[:, [(first + day) % 5]] * (1 + error)
        return sold, (level * (1 + SALES_MEMORY * error),)

    return step


def _pieces(state: State, u: Floats, day: int) -> tuple[Floats, State]:
    sold = u > 1 - SHARE_SOLD
    pieces = 1.0 + np.searchsorted(_SHARES_UP_TO, (u - (1 - SHARE_SOLD)) / SHARE_SOLD)
    return np.where(sold, pieces, 0.0), state


def _run(step: Step, state: State, n_days: int, rng: np.random.Generator, n_paths: int) -> tuple[Floats, ...]:
    """Values (n_series, n_days), their quantiles, and those ahead of the last shown day."""
    n_series, levels = len(state[0]), np.array(LEVELS)
    values, quantiles = np.empty((n_series, n_days)), np.empty((n_series, n_days, len(LEVELS)))
    for day in range(n_days):
        if day == n_days - HORIZON:
            ahead = _paths(step, state, day, rng, (n_series, n_paths))
        quantiles[:, day] = step(state, np.broadcast_to(levels, (n_series, len(LEVELS))), day)[0]
        drawn, state = step(state, rng.random((n_series, 1)), day)
        values[:, day] = drawn[:, 0]
    return values, quantiles, ahead


def _paths(step: Step, state: State, day: int, rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Quantiles of many futures from one state, (n_series, `HORIZON`, n_levels)."""
    found: npt.NDArray[np.float64] = np.empty((shape[0], HORIZON, len(LEVELS)))
    for ahead in range(HORIZON):
        values, state = step(state, rng.random(shape), day + ahead)
        found[:, ahead] = np.quantile(values, LEVELS, axis=1).T
    return found
