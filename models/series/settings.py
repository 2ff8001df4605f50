"""What a forecaster is told about its series, and how it learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from data.series.spec import MAX_HORIZON, MAX_SEASON
from models.arrays import Floats

LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
"""Levels of the quantiles: the median, and the bounds of the intervals of 50, 80 and 95 %."""
MEDIAN = LEVELS.index(0.5)
INTERVALS: Mapping[int, tuple[int, int]] = {50: (2, 4), 80: (1, 5), 95: (0, 6)}
"""Of each interval, by its share in per cent, the positions of its bounds among the levels."""
MAX_KNOTS = 24
"""Steps for which the network has outputs of its own; a longer horizon is interpolated between so many."""


@dataclass(frozen=True)
class SeriesSettings:
    """Settings of a forecaster.

    Parameters
    ----------
    horizon : steps ahead, 1 to `MAX_HORIZON`.
    season : steps of a season, 1 for none, at most `MAX_SEASON`.
    transform : "log" forecasts the logarithm, which needs values above 0.
    n_origins : of each series that the network learns from; more would favour long series.
    n_epochs, n_folds, batch_size, learning_rate, weight_decay, dropout : of the networks' training.
    """

    stored_as: ClassVar[str] = "series_settings"
    stored_fields: ClassVar[Mapping[str, str]] = {
        "horizon": "int",
        "season": "int",
        "transform": "text",
        "n_origins": "int",
        "n_epochs": "int",
        "n_folds": "int",
        "batch_size": "int",
        "learning_rate": "float",
        "weight_decay": "float",
        "dropout": "float",
    }
    horizon: int
    season: int = 1
    transform: Literal["none", "log"] = "none"
    n_origins: int = 300
    n_epochs: int = 15
    n_folds: int = 3
    batch_size: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    dropout: float = 0.1

    def __post_init__(self) -> None:
        self.check_restored()

    def check_restored(self) -> None:
        """ValueError for settings out of their ranges."""
        for name, least in {"horizon": 1, "season": 1, "n_origins": 1, "n_epochs": 1, "n_folds": 2}.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        for name, most in {"horizon": MAX_HORIZON, "season": MAX_SEASON}.items():
            if getattr(self, name) > most:
                raise ValueError(f"{name} must be at most {most:,}, got {getattr(self, name):,}")
        if self.transform not in ("none", "log"):
            raise ValueError(f"transform must be 'none' or 'log', got {self.transform!r}")

    @property
    def min_length(self) -> int:
        """Values of a history below which the answer is naive."""
        return max(16, min(2 * self.horizon, 64))

    def knots(self) -> Floats:
        """The steps with outputs of their own: all, or `MAX_KNOTS` that spread geometrically from 1 to the horizon."""
        if self.horizon <= MAX_KNOTS:
            return np.arange(1.0, self.horizon + 1)
        return np.unique(np.geomspace(1, self.horizon, MAX_KNOTS).round())


@dataclass(frozen=True)
class Size:
    """What suits the number of windows.

    With few windows a wide network learns their common past by heart: series of one time share its shocks, so that one
    left out is known from the others. There the bank leads, and the network has at most half a say.
    """

    stored_as: ClassVar[str] = "series_size"
    stored_fields: ClassVar[Mapping[str, str]] = {
        "hidden": "int[]",
        "n_members": "int",
        "sharpness": "float",
        "max_share": "float",
    }
    hidden: Sequence[int]
    n_members: int
    sharpness: float
    max_share: float

    @classmethod
    def of(cls, n_windows: int) -> Size:
        """For so many training windows."""
        return LARGE if n_windows >= MIN_LARGE else SMALL


MIN_LARGE = 20_000
LARGE = Size(hidden=(128, 128), n_members=2, sharpness=8.0, max_share=1.0)
SMALL = Size(hidden=(32,), n_members=4, sharpness=16.0, max_share=0.5)


def between_knots(at_knots: Floats, knots: Floats, horizon: int) -> Floats:
    """Linearly interpolated to all steps along the second axis: (n, n_knots, ...) to (n, horizon, ...)."""
    if len(knots) == horizon:
        return at_knots
    steps = np.arange(1.0, horizon + 1)
    right = np.clip(np.searchsorted(knots, steps), 1, len(knots) - 1)
    share = (steps - knots[right - 1]) / (knots[right] - knots[right - 1])
    share = share.reshape(-1, *[1] * (at_knots.ndim - 2))
    mixed: Floats = at_knots[:, right - 1] * (1 - share) + at_knots[:, right] * share
    return mixed
