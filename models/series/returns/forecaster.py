"""The forecaster of returns: a network for their quantiles, learned again each year and tracked each day."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from models.arrays import Floats
from models.nn.network import Network
from models.series.arrays import Features
from models.series.quantile_network import fit_network, mean_and_spread, network_quantiles, standardised
from models.series.returns.inputs import inputs, outcomes, scale
from models.series.returns.market_days import MarketDays
from models.series.returns.tracking import tracked

RETURN_LEVELS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99)
"""Levels of the quantiles; value at risk at 99 and 95 % is the loss at the first and the third."""
N_FIRST = 20
"""Days at the beginning that nothing is learned from: their volatilities are of too few."""
MIN_DAYS = 250
"""Fewest days to learn from."""


@dataclass(frozen=True)
class ReturnsSettings:
    """Settings of a forecaster of returns.

    Parameters
    ----------
    horizons : days ahead, rising; the return over all of them is forecast.
    hidden, n_members, n_epochs, batch_size, learning_rate, weight_decay, dropout : of the network and its training.
    half_life : days after which a day counts half in the training.
    refit_every : days until the network is learned again.
    tracking_rate : of the daily offsets, in units of the scale; 0 for none.
    """

    horizons: tuple[int, ...] = (1, 5, 10)
    hidden: tuple[int, ...] = (32, 16)
    n_members: int = 8
    n_epochs: int = 30
    batch_size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    dropout: float = 0.1
    half_life: float = 1_500
    refit_every: int = 252
    tracking_rate: float = 0.02

    def __post_init__(self) -> None:
        horizons = self.horizons
        if not horizons or horizons[0] < 1 or any(b <= a for a, b in itertools.pairwise(horizons)):
            raise ValueError(f"horizons must rise and be at least 1, got {horizons}")
        for name in ("n_members", "n_epochs", "batch_size", "refit_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not self.half_life > 0:
            raise ValueError(f"half_life must be above 0, got {self.half_life}")
        if not self.tracking_rate >= 0:
            raise ValueError(f"tracking_rate must be at least 0, got {self.tracking_rate}")

    @property
    def min_days(self) -> int:
        """Fewest days before the first forecast."""
        return N_FIRST + MIN_DAYS + self.horizons[-1]


@dataclass(frozen=True)
class ReturnsNetwork:
    """Quantiles in units of the scale, as learned from the days up to one."""

    network: Network
    mean: Floats
    spread: Floats

    def quantiles(self, X: Features) -> Floats:
        """Rising quantiles, (n_days, n_horizons, n_levels)."""
        return network_quantiles(self.network, standardised(X, self.mean, self.spread), RETURN_LEVELS)


def fit_returns(days: MarketDays, settings: ReturnsSettings, rng: np.random.Generator) -> ReturnsNetwork:
    """Learn from days whose outcomes are among them; later ones count more."""
    if len(days) < settings.min_days:
        raise ValueError(f"{len(days)} days are too few to learn from, at least {settings.min_days} are needed")
    origins = np.arange(N_FIRST, len(days) - settings.horizons[-1])
    X, targets = inputs(days)[origins], outcomes(days, origins, settings.horizons)
    weights = np.exp2((origins - origins[-1]) / settings.half_life)
    mean, spread = mean_and_spread(X)
    network, _ = fit_network(
        standardised(X, mean, spread),
        targets,
        weights / weights.mean(),
        RETURN_LEVELS,
        settings,
        hidden=settings.hidden,
        n_members=settings.n_members,
        rng=rng,
    )
    return ReturnsNetwork(network, mean, spread)


def forecast_returns(days: MarketDays, first: int, settings: ReturnsSettings, *, seed: int = 0) -> Floats:
    """Quantiles of the returns after each day from `first` on, (n_days - first, n_horizons, n_levels).

    Each is made of the days up to its own: row i is of the days first + i + 1 to first + i + horizon, the last row of
    days that have not come. Quantiles never cross. Equal seeds give equal forecasts.
    """
    if not settings.min_days - 1 <= first < len(days):
        raise ValueError(f"first must be {settings.min_days - 1} to {len(days) - 1}, got {first}")
    rng, X = np.random.default_rng(seed), inputs(days)
    parts = []
    for start in range(first, len(days), settings.refit_every):
        known = MarketDays(days.returns[: start + 1], None if days.ranges is None else days.ranges[: start + 1])
        parts.append(fit_returns(known, settings, rng).quantiles(X[start : start + settings.refit_every]))
    quantiles, origins = np.concatenate(parts), np.arange(first, len(days))
    come = outcomes(days, origins, settings.horizons)
    for column, horizon in enumerate(settings.horizons):
        unit = scale(days)[origins, None] * math.sqrt(horizon)
        quantiles[:, column] = unit * tracked(
            quantiles[:, column], come[:, column], RETURN_LEVELS, rate=settings.tracking_rate, delay=horizon
        )
    return quantiles
