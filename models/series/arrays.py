"""The array types of series, by role."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Positions: TypeAlias = npt.NDArray[np.intp]
"""Positions in another array, or steps."""

Features: TypeAlias = npt.NDArray[np.float32]
"""What the network sees, (n_windows, n_features)."""
