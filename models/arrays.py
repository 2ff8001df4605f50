"""Names of arrays by their role."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


Labels = npt.NDArray[np.int64]
