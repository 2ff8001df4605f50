"""The matrix that the encoding gives, and when a loop is quicker than numpy."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Features: TypeAlias = npt.NDArray[np.float32]

FEW_ROWS = 5
"""Fewer rows are looked at one by one, which takes less time than a call of numpy for each column."""
