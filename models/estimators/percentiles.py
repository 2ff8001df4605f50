"""Percentiles of scores among those of known rows."""

from __future__ import annotations

import numpy as np

from models.arrays import Floats


def quantile_table(scores: Floats, n: int) -> Floats:
    """`n` quantiles of the scores of known rows, from the least to the largest; shape (n,)."""
    table: Floats = np.quantile(scores, np.linspace(0, 1, n))
    return table


def percentiles_in(table: Floats, scores: Floats) -> Floats:
    """What per cent of known rows have a smaller score, 0 to 100, by their `quantile_table`; shape of `scores`."""
    steps = np.minimum(np.searchsorted(table, scores), len(table) - 1)
    percentiles: Floats = steps / ((len(table) - 1) / 100)
    return percentiles
