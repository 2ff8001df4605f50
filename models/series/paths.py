"""Predicted paths as one array: for each step the quantiles, and beside them what a forecast is measured by.

Shape (n_rows, horizon, N_VALUES): the quantiles of `LEVELS`, the last value (NAIVE) and the usual step (SCALE).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.arrays import Floats
from models.series.settings import LEVELS

NAIVE, SCALE = len(LEVELS), len(LEVELS) + 1
N_VALUES = len(LEVELS) + 2


def usual_step(values: Floats, season: int) -> float:
    """The mean absolute change over a season, the unit of MASE (Hyndman and Koehler 2006).

    From one value to the next where there is no more than a season; of what never changed, the size of its last value,
    or 1: errors are then a share of it.
    """
    apart = season if len(values) > season else 1
    change = float(np.abs(values[apart:] - values[:-apart]).mean()) if len(values) > 1 else 0.0
    return change or abs(float(values[-1])) or 1.0


def aligned(targets: Floats, paths: Floats) -> tuple[Floats, Floats]:
    """Both for the steps that both have; targets without steps, of unknown rows, are NaN."""
    targets = targets if targets.ndim == 2 else np.full((len(paths), 1), np.nan)
    n_steps = min(targets.shape[1], paths.shape[1])
    return targets[:, :n_steps], paths[:, :n_steps]


def paths_of(quantiles: Floats, histories: Sequence[Floats], season: int) -> Floats:
    """Quantiles (n_rows, horizon, n_levels) beside last value and usual step of each history."""
    last = np.array([one[-1] for one in histories], np.float64)
    scale = np.array([usual_step(one, season) for one in histories])
    beside = np.stack([last, scale], axis=1)[:, None].repeat(quantiles.shape[1], axis=1)
    return np.concatenate([quantiles, beside], axis=2)
