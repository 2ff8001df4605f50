"""The array types of the encoding, named by their role in signatures."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Features: TypeAlias = npt.NDArray[np.float32]
Labels: TypeAlias = npt.NDArray[np.int64]

FEW_ROWS = 5
"""Fewer rows are looked at one by one, which takes less time than a call of numpy for each column."""
