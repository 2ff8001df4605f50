"""Exponential smoothers with fixed settings, all series and all smoothers in lockstep over time.

The recursion is that of ETS models with additive errors (Hyndman et al. 2008, "Forecasting with exponential
smoothing", table 2.2): with the error e = x - (level + phi trend + season),

    level  := level + phi trend + alpha e
    trend  := phi trend + alpha beta e
    season := season + gamma (1 - alpha) e        (of this position in the season)

and the path of h steps is level + (phi + ... + phi^h) trend + season. Nothing is estimated: how well each smoother did
so far is what weighs it, see `bank_path`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.arrays import Floats
from models.series.arrays import Positions
from models.series.histories import Histories

MEMORY = 0.97
"""Weight of the past in the running mean of a smoother's absolute errors."""

# alpha, beta, phi: levels that move little to those that are the last value, without trend, with a damped or a full one
_PLAIN = (
    (0.1, 0.0, 0.0),
    (0.3, 0.0, 0.0),
    (0.6, 0.0, 0.0),
    (1.0, 0.0, 0.0),
    (0.3, 0.1, 0.9),
    (0.6, 0.2, 0.9),
    (1.0, 0.3, 0.9),
    (1.0, 0.6, 0.8),
    (0.5, 0.05, 0.98),
    (0.9, 0.1, 0.98),
    (0.3, 0.05, 1.0),
    (0.9, 0.02, 1.0),
)
# alpha, beta, phi, gamma
_SEASONAL = (
    (0.1, 0.0, 0.0, 0.1),
    (0.3, 0.0, 0.0, 0.1),
    (0.6, 0.0, 0.0, 0.1),
    (0.9, 0.0, 0.0, 0.5),
    (0.1, 0.0, 0.0, 0.3),
    (0.3, 0.0, 0.0, 0.4),
    (0.3, 0.1, 0.95, 0.1),
    (0.6, 0.1, 0.95, 0.3),
    (0.9, 0.1, 0.98, 0.5),
    (0.3, 0.02, 1.0, 0.2),
)


@dataclass(frozen=True)
class Bank:
    """The settings of all smoothers, each array of shape (n_smoothers,); those with a season come last.

    `season` is the number of steps of a season, 1 for none; `horizon` the number of steps ahead.
    """

    alpha: Floats
    beta: Floats
    phi: Floats
    gamma: Floats
    season: int
    horizon: int

    @classmethod
    def of(cls, season: int, horizon: int) -> Bank:
        """Twelve smoothers, and ten more with a season."""
        rows = [(*row, 0.0) for row in _PLAIN] + (list(_SEASONAL) if season > 1 else [])
        alpha, beta, phi, gamma = np.array(rows).T
        return cls(alpha, beta, phi, gamma, season=season, horizon=horizon)

    def __len__(self) -> int:
        return len(self.alpha)

    @property
    def first_seasonal(self) -> int:
        """Number of the smoothers without a season."""
        return len(_PLAIN)

    @property
    def middle(self) -> int:
        """Steps ahead of the second error that is measured, besides that of one step."""
        return self.horizon // 2 + 1


@dataclass(frozen=True)
class BankStates:
    """The smoothers after the value at each origin.

    `level`, `trend` and `error` (the running mean of absolute errors, of one and of `Bank.middle` steps together) have
    the shape (n_origins, n_smoothers); `seasons` are the next steps' seasonal parts of the seasonal smoothers,
    (n_origins, n_seasonal, min(horizon, season)).
    """

    level: Floats
    trend: Floats
    error: Floats
    seasons: Floats


def run_bank(bank: Bank, histories: Histories, origins: Positions, of: Positions) -> BankStates:
    """Run all smoothers over all series, and keep their states at the origins.

    Parameters
    ----------
    origins : position of the last value that may be known, for each wanted state; at least 0.
    of : the series (row of `histories.values`) of each.
    """
    order = np.argsort(-histories.lengths, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    values, lengths = histories.values[order], histories.lengths[order]
    by_time = np.argsort(origins, kind="stable")
    n_at = np.searchsorted(origins[by_time], np.arange(int(origins.max(initial=-1)) + 2))
    states = _no_states(bank, len(origins))
    lockstep = _Lockstep(bank, values, lengths)
    for t in range(len(n_at) - 1):
        lockstep.take(t, int(np.searchsorted(-lengths, -t, side="left")))
        chosen = by_time[n_at[t] : n_at[t + 1]]
        if len(chosen):
            lockstep.keep(t, rank[of[chosen]], chosen, states)
    return states


def _no_states(bank: Bank, n_origins: int) -> BankStates:
    flat = (n_origins, len(bank))
    seasons = (n_origins, len(bank) - bank.first_seasonal, min(bank.horizon, bank.season))
    return BankStates(np.zeros(flat), np.zeros(flat), np.zeros(flat), np.zeros(seasons))


class _Lockstep:
    """The states of all series, longest first, so that those that still run are the first rows."""

    def __init__(self, bank: Bank, values: Floats, lengths: Positions) -> None:
        self.bank, self.values = bank, values
        shape = (len(values), len(bank))
        self.level = np.repeat(values[:, :1], len(bank), axis=1)
        self.trend, self.error = np.zeros(shape), np.zeros(shape)
        self.ahead = np.zeros((bank.middle, *shape))  # forecasts of the last `middle` times for `middle` steps ahead
        self.seasons = np.zeros((*shape, bank.season))
        self.first = first_seasons(values, lengths, bank.season)
        self.middle_trend = damped_steps(bank.phi, bank.middle)[:, -1]

    def take(self, t: int, n: int) -> None:
        """Update the first `n` series by their value at time `t`."""
        bank, x = self.bank, self.values[:n, t, None]
        level, trend, error = self.level[:n], self.trend[:n], self.error[:n]
        season = self.seasons[:n, :, t % bank.season]
        trend *= bank.phi
        level += trend
        missed = x - level - season
        slot = self.ahead[t % bank.middle, :n]
        far = np.abs(x - slot) if t >= bank.middle else 0.0
        error *= MEMORY
        error += (1 - MEMORY) * (np.abs(missed) + far)
        step = bank.alpha * missed
        level += step
        trend += bank.beta * step
        season += bank.gamma * (missed - step)
        if bank.season > 1 and t + 1 == 2 * bank.season:
            self._start_seasons(n)
        slot[...] = level + trend * self.middle_trend
        slot += self.seasons[:n, :, (t + bank.middle) % bank.season]

    def _start_seasons(self, n: int) -> None:
        """After two seasons: the seasonal smoothers start anew from a line and seasonal parts fitted to them."""
        seasonal = slice(self.bank.first_seasonal, None)
        self.seasons[:n, seasonal] = self.first.parts[:n, None]
        self.level[:n, seasonal] = self.first.level[:n, None]
        self.trend[:n, seasonal] = np.where(self.bank.beta[seasonal] > 0, self.first.slope[:n, None], 0.0)

    def keep(self, t: int, rows: Positions, chosen: Positions, states: BankStates) -> None:
        """Copy the states of these rows to the places `chosen`."""
        bank = self.bank
        states.level[chosen], states.trend[chosen] = self.level[rows], self.trend[rows]
        states.error[chosen] = self.error[rows] / (1 - MEMORY ** (t + 1))  # as a mean: the weights then sum to 1
        coming = (t + 1 + np.arange(states.seasons.shape[2])) % bank.season
        states.seasons[chosen] = self.seasons[rows, bank.first_seasonal :][:, :, coming]


@dataclass(frozen=True)
class FirstSeasons:
    """A straight line through the first two seasons, and what each position of the season adds to it.

    `level` is the line at the end of the second season, `slope` its rise a step, both (n_series,); `parts` is
    (n_series, season), with mean 0. All are 0 for series without two seasons.
    """

    level: Floats
    slope: Floats
    parts: Floats


def first_seasons(values: Floats, lengths: Positions, season: int) -> FirstSeasons:
    """Least squares for the line, means of the two deviations for the parts."""
    n = len(values)
    level, slope, parts = np.zeros(n), np.zeros(n), np.zeros((n, season))
    if season > 1 and values.shape[1] >= 2 * season:
        known = lengths >= 2 * season
        first = values[known, : 2 * season]
        time = np.arange(2 * season) - (2 * season - 1) / 2
        mean = first.mean(axis=1)
        # Not a product of matrices, whose last bit depends on the number of series
        slope[known] = ((first - mean[:, None]) * time).sum(axis=1) / (time * time).sum()
        level[known] = mean + slope[known] * time[-1]
        apart = first - mean[:, None] - slope[known, None] * time
        parts[known] = apart.reshape(-1, 2, season).mean(axis=1)
    return FirstSeasons(level, slope, parts)


def damped_steps(phi: Floats, n_steps: int) -> Floats:
    """The sums phi + ... + phi^h for h = 1 .. n_steps, (n_smoothers, n_steps)."""
    steps: Floats = np.cumsum(phi[:, None] ** np.arange(1, n_steps + 1), axis=1)
    return steps
