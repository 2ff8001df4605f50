"""Names of arrays by their role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

Scores: TypeAlias = Mapping[str, Floats]
"""Everything that one pass of a model says of some rows, by name; each array has a first axis of n_rows."""
