"""Confidence intervals in closed form."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Floats


def wilson_interval(rates: Floats, n_rows: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Ends of the 95 % interval of observed rates (Wilson 1927, JASA 22); it stays within 0..1 for few rows too."""
    z = 1.959964
    centre = (rates + z**2 / (2 * n_rows)) / (1 + z**2 / n_rows)
    half = z / (1 + z**2 / n_rows) * np.sqrt(rates * (1 - rates) / n_rows + z**2 / (4 * n_rows**2))
    # Rounding must not lead past a rate of 0 or 1, nor past the rate itself
    return np.clip(centre - half, 0, rates), np.clip(centre + half, rates, 1)
