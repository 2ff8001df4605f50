"""Which windows are held out from which network, and blocks of time."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from models.series.arrays import Positions

Fold: TypeAlias = tuple[Positions, Positions]
"""Positions of the training windows and of the held-out windows."""

N_BLOCKS, MIN_BLOCKS = 8, 3
"""Blocks of time, and how many are too few to judge by: one period is luck."""


def folds_of_series(of: Positions, n_folds: int, rng: np.random.Generator) -> list[Fold]:
    """Every series is held out once, with all its windows."""
    fold_of = _shuffled_groups(of, n_folds, rng)
    return [(np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(n_folds)]


def folds_of_time(ages: Positions, horizon: int) -> list[Fold]:
    """Every block of time is held out once, over all series, with an embargo of `horizon` steps on both sides.

    Parameters
    ----------
    ages : steps from the origin of a window to the end of its series. Series are taken to end together.

    Returns
    -------
    No folds where the past has fewer than `MIN_BLOCKS` blocks of two horizons.
    """
    block_of, edges = time_blocks(ages, horizon)
    folds = []
    for block in range(len(edges) - 1):
        # The futures of training windows end before those of the block begin, or begin after they end
        apart = (ages <= edges[block] - horizon) | (ages >= edges[block + 1] - 1 + horizon)
        folds.append((np.flatnonzero(apart), np.flatnonzero(block_of == block)))
    return [fold for fold in folds if len(fold[0]) and len(fold[1])]


def time_blocks(ages: Positions, horizon: int) -> tuple[Positions, Positions]:
    """The block of each window, 0 the latest, and the blocks' edges by age; no edges where there are too few blocks."""
    first, span = int(ages.min()), int(np.ptp(ages)) + 1
    n_blocks = min(N_BLOCKS, span // (2 * horizon))
    if n_blocks < MIN_BLOCKS:
        return np.zeros_like(ages), np.zeros(0, np.intp)
    edges = first + np.arange(n_blocks + 1) * span // n_blocks
    return np.searchsorted(edges, ages, side="right") - 1, edges


def groups_to_judge_by(
    of: Positions, ages: Positions, horizon: int, *, few: bool, rng: np.random.Generator
) -> Positions:
    """The group of each window for a jackknife, -1 for windows that belong to none.

    Groups are blocks of time: windows whose future reaches into the next block are left out. Where the past is too
    short for that but the series are many, groups are groups of series; of few series all are -1.
    """
    block_of, edges = time_blocks(ages, horizon)
    if len(edges) == N_BLOCKS + 1 or (few and len(edges)):
        reaches_over = (block_of > 0) & (ages - edges[block_of] < horizon)
        return np.where(reaches_over, -1, block_of)
    if few:
        return np.full(len(of), -1)
    return _shuffled_groups(of, N_BLOCKS, rng)


def _shuffled_groups(of: Positions, n_groups: int, rng: np.random.Generator) -> Positions:
    """Series in groups of the same size, for each window its group."""
    names, numbers = np.unique(of, return_inverse=True)
    group_of = np.arange(len(names)) % n_groups
    groups: Positions = rng.permutation(group_of)[numbers]
    return groups
