"""Windows: what is known at an origin, and what came after."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.arrays import Floats
from models.series.arrays import Features, Positions
from models.series.bank_path import bank_paths
from models.series.features import features
from models.series.histories import Histories, scales
from models.series.settings import SeriesSettings, Size
from models.series.smoothers import Bank, run_bank

MAX_WEIGHT = 20.0
"""No window weighs more than so many times the mean one."""


@dataclass(frozen=True)
class Windows:
    """Windows of many series; all arrays have a first axis of n_windows.

    Attributes
    ----------
    X : features, not yet standardised.
    last : the value at the origin, after the transform; `bank` the smoothers' path, (n_windows, n_knots).
    scale : of the series at the origin; 0 if it has not moved.
    of, origin : the series, and the position of its last known value.
    """

    X: Features
    last: Floats
    bank: Floats
    scale: Floats
    of: Positions
    origin: Positions

    def __len__(self) -> int:
        return len(self.last)

    def changes(self, path: Floats) -> Floats:
        """A path (n_windows, n_knots) as its change from the last value, in units of the scale."""
        changes: Floats = (path - self.last[:, None]) / self.scale[:, None]
        return changes

    def with_scale(self, scale: Floats) -> Windows:
        """The same windows in other units."""
        return replace(self, scale=scale)

    def subset(self, chosen: Positions) -> Windows:
        """The windows at these positions."""
        return replace(self, **{name: getattr(self, name)[chosen] for name in self.__dataclass_fields__})


def windows_at(
    histories: Histories, origins: Positions, of: Positions, settings: SeriesSettings, size: Size
) -> Windows:
    """The windows at these origins; nothing after an origin is read, and nothing of other series."""
    bank, knots = Bank.of(settings.season, settings.horizon), settings.knots()
    sums = histories.step_sums()
    scale = scales(sums, origins, of)
    states = run_bank(bank, histories, origins, of)
    paths = bank_paths(bank, states, knots, size.sharpness)
    unit = np.where(scale > 0, scale, 1.0)
    X = features(histories, sums, origins, of, unit, paths, states.error, knots, settings.season)
    return Windows(X, histories.values[of, origins], paths.mean, scale, of, origins)


def training_origins(histories: Histories, settings: SeriesSettings, *, spread: bool) -> tuple[Positions, Positions]:
    """Origins with a whole future, and their series: of each the latest `n_origins`, or as many spread out."""
    first, n = settings.min_length - 1, settings.n_origins
    origins = [np.zeros(0, np.intp)]
    for end in (histories.lengths - settings.horizon).tolist():
        stride = max(-(-(end - first) // n), 1) if spread else 1
        origins.append(np.arange(end - 1, max(first, end - n * stride) - 1, -stride, dtype=np.intp)[::-1])
    of = np.repeat(np.arange(len(origins) - 1), [len(one) for one in origins[1:]])
    return np.concatenate(origins), of


def futures(histories: Histories, windows: Windows, knots: Floats) -> Floats:
    """The values at the knots after each origin, (n_windows, n_knots)."""
    ahead: Floats = histories.values[windows.of[:, None], windows.origin[:, None] + knots.astype(np.intp)]
    return ahead


def window_weights(windows: Windows, ahead: Floats, *, logs: bool) -> Floats:
    """The weight of each window in the loss, mean 1.

    Half counts errors in units of MASE, half in units of sMAPE, since a target is in units of the scale: scale over
    the series' mean step, and scale over the size of the future. Every series has the same total before the cap.
    """
    n_series = int(windows.of.max()) + 1
    n_of = np.bincount(windows.of, minlength=n_series)
    mean_scale = np.bincount(windows.of, windows.scale, n_series) / np.maximum(n_of, 1)
    of_size = windows.scale if logs else windows.scale / np.maximum(np.abs(ahead).mean(axis=1), windows.scale)
    of_steps = windows.scale / mean_scale[windows.of]
    weights = of_steps / of_steps.mean() + of_size / of_size.mean()
    weights = np.minimum(weights, MAX_WEIGHT * weights.mean()) / n_of[windows.of]
    return np.asarray(weights / weights.mean())
