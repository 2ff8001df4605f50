"""Confidence intervals in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from models.arrays import Floats


def wilson_interval(rates: Floats, n_rows: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """95 % Wilson score interval of observed rates (Wilson 1927, JASA 22); within 0..1 even for few rows."""
    z = 1.959964
    centre = (rates + z**2 / (2 * n_rows)) / (1 + z**2 / n_rows)
    half = z / (1 + z**2 / n_rows) * np.sqrt(rates * (1 - rates) / n_rows + z**2 / (4 * n_rows**2))
    # Rounding must not cross 0, 1 or the rate itself
    return np.clip(centre - half, 0, rates), np.clip(centre + half, rates, 1)
