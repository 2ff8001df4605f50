"""Quantiles that follow their breaches: where too many outcomes fell below one, it moves down, day by day."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.arrays import Floats


def tracked(quantiles: Floats, outcomes: Floats, levels: Sequence[float], *, rate: float, delay: int = 1) -> Floats:
    """Quantiles with an offset that each breach moves by `rate` times what it was unexpected: (n_days, n_levels).

    offset -= rate * (1{outcome < quantile} - level) (Gibbs and Candes 2021; Angelopoulos, Candes and Tibshirani 2023).
    Whatever the quantiles, the share of breaches comes to the level over time. The answer is sorted, the offsets are of
    the quantiles as they stand before.

    Parameters
    ----------
    quantiles, outcomes : (n_days, n_levels) and (n_days,), in units of the scale; a NaN has not come yet.
    delay : days until an outcome is known; the one of row i moves rows from i + delay on.
    """
    alpha, offset = np.asarray(levels), np.zeros(len(levels))
    moved = np.empty_like(quantiles)
    for row, quantile in enumerate(quantiles):
        if (known := row - delay) >= 0 and np.isfinite(outcomes[known]):
            offset -= rate * ((outcomes[known] < moved[known]) - alpha)
        moved[row] = quantile + offset
    moved.sort(axis=1)
    return moved
