"""The type of encoded rows, and the batch size below which a loop is faster than numpy."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Features: TypeAlias = npt.NDArray[np.float32]

FEW_ROWS = 5
"""Fewer rows are encoded one by one, which is faster than a numpy call per column."""
