"""What the network sees at an origin: the past in units of the series' scale, and what the smoothers make of it."""

from __future__ import annotations

import numpy as np

from models.arrays import Floats
from models.series.arrays import Features, Positions
from models.series.bank_path import BankPaths
from models.series.histories import Histories, mean_step

N_LAGS = 13
BLOCKS = ((4, 6), (13, 5))
"""Width and number of the blocks of older values, of which the mean is shown; newest first, one after the other."""
N_SIZES = 4
MAX_FEATURE = 8.0
"""Standardised features are cut off here, so that a value never seen moves the answer by a bounded amount."""


def n_features(season: int, n_steps: int, n_smoothers: int) -> int:
    """The number of `features` at so many steps, by a bank of so many smoothers."""
    of_past = N_LAGS + sum(n_blocks for _, n_blocks in BLOCKS)
    of_seasons = 2 * (n_steps + 1) if season > 1 else 0
    n_shown = len(_shown(n_steps))
    return of_past + of_seasons + N_SIZES + n_smoothers * n_shown + n_shown + n_smoothers + 1


def features(
    histories: Histories,
    sums: Floats,
    origins: Positions,
    of: Positions,
    scale: Floats,
    bank: BankPaths,
    error: Floats,
    steps: Floats,
    season: int,
) -> Features:
    """The features at origins, (n_origins, n_features).

    Parameters
    ----------
    sums, scale : of `Histories.mean_steps` and `scales`; the scale above 0.
    bank, error : the smoothers' paths at `steps`, and their running errors.
    """
    parts = [
        *_past(histories, origins, of, scale),
        *_seasons_ago(histories, origins, of, scale, steps, season),
        *_sizes(histories, sums, origins, of, scale),
        *_of_bank(bank, error, scale),
    ]
    together = np.column_stack(parts)
    return together.astype(np.float32)


def _past(histories: Histories, origins: Positions, of: Positions, scale: Floats) -> list[Floats]:
    """The last values and the means of blocks before, as arcsinh of (value - last value) / scale.

    Before the first value stands the first.
    """
    last = histories.values[of, origins]
    running = np.pad(np.cumsum(histories.values - histories.values[:, :1], axis=1), ((0, 0), (1, 0)))
    parts = [(histories.values[of, np.maximum(origins - lag, 0)] - last) / scale for lag in range(1, N_LAGS + 1)]
    newest, first = origins - N_LAGS, histories.values[of, 0]
    for width, n_blocks in BLOCKS:
        for _ in range(n_blocks):
            stop, start = np.maximum(newest + 1, 0), np.maximum(newest + 1 - width, 0)
            mean = first + (running[of, stop] - running[of, start]) / width
            parts.append((mean - last) / scale)
            newest = newest - width
    return [np.arcsinh(part) for part in parts]


def _seasons_ago(
    histories: Histories,
    origins: Positions,
    of: Positions,
    scale: Floats,
    steps: Floats,
    season: int,
) -> list[Floats]:
    """What the same steps brought one season and two seasons ago, each with a flag whether it is known.

    Only once two (three) seasons are known: a first season is no pattern yet.
    """
    if season == 1:
        return []
    parts: list[Floats] = []
    for n_seasons in (1, 2):
        known = origins + 1 >= (n_seasons + 1) * season
        then = np.maximum(origins - n_seasons * season, 0)
        base = histories.values[of, then]
        for step in steps.astype(np.intp):
            ahead = np.minimum(then + (step if n_seasons > 1 else (step - 1) % season + 1), origins)
            parts.append(np.where(known, np.arcsinh((histories.values[of, ahead] - base) / scale), 0.0))
        parts.append(known.astype(float))
    return parts


def _sizes(histories: Histories, sums: Floats, origins: Positions, of: Positions, scale: Floats) -> list[Floats]:
    """Logarithms of the scale against that of late and that of the whole past, of the value, and of the length."""
    late, whole = mean_step(sums, origins, of, N_LAGS), mean_step(sums, origins, of, None)
    level = np.abs(histories.values[of, origins])
    return [
        np.log(np.maximum(late / scale, 1e-3)),
        np.log(np.maximum(whole / scale, 1e-3)),
        np.log1p(level / scale),
        np.log1p(origins.astype(float)),
    ]


def _shown(n_steps: int) -> list[int]:
    """The first step, one in the middle, and the last."""
    return sorted({0, n_steps // 2, n_steps - 1})


def _of_bank(bank: BankPaths, error: Floats, scale: Floats) -> list[Floats]:
    """Each smoother's distance from the mean path at three steps, their spread, weights and least error."""
    shown = _shown(bank.mean.shape[1])
    apart = (bank.paths[:, :, shown] - bank.mean[:, None, shown]) / scale[:, None, None]
    return [
        np.arcsinh(apart).reshape(len(scale), apart.shape[1] * apart.shape[2]),
        np.log1p(apart.std(axis=1)),
        np.sqrt(bank.weights),
        np.log(np.maximum(error.min(axis=1) / scale, 1e-3)),
    ]
