"""Intervals that held on windows held out: conformalized quantile regression, for each step."""

from __future__ import annotations

import math

import numpy as np

from models.arrays import Floats
from models.series.settings import LEVELS

PAIRS = tuple((low, len(LEVELS) - 1 - low) for low in range(len(LEVELS) // 2))
"""Positions of the two bounds of each interval, widest first."""


def interval_offsets(quantiles: Floats, outcome: Floats) -> Floats:
    """What to add to each quantile so that each interval covers its share of these windows, (n_steps, n_levels).

    The score of a window is by how much its outcome lies outside the interval, negative inside; the
    (1 - alpha)(1 + 1/n) quantile of the scores is added on both sides (Romano, Patterson and Candes 2019). The median
    stays.

    Parameters
    ----------
    quantiles, outcome : (n_windows, n_steps, n_levels) and (n_windows, n_steps), in units of the scale.
    """
    offsets = np.zeros(quantiles.shape[1:])
    n = len(outcome)
    if not n:
        return offsets
    for low, high in PAIRS:
        scores = np.maximum(quantiles[:, :, low] - outcome, outcome - quantiles[:, :, high])
        # The k-th least score, k = ceil((n + 1)(1 - alpha)); a whole number must not be rounded up by its last bit
        k = min(math.ceil((LEVELS[high] - LEVELS[low]) * (n + 1) - 1e-9), n)
        wider = np.partition(scores, k - 1, axis=0)[k - 1]
        offsets[:, low], offsets[:, high] = -wider, wider
    return offsets
