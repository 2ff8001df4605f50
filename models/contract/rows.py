"""The types in which rows, targets and predictions travel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy.typing as npt
import pandas as pd

from models.arrays import Floats

Row: TypeAlias = Mapping[str, Any]

Rows: TypeAlias = Sequence[Row] | pd.DataFrame
"""Rows of requests, or a frame of them as returned by `data.checking.check_frame`."""

Columns: TypeAlias = dict[str, list[Any]]
"""Answer fields by name, each with one value per row."""

Targets: TypeAlias = npt.NDArray[Any]
"""Targets, shape (n_rows,): 0 or 1, the position of a level, or a number."""

Predictions: TypeAlias = Floats
"""Predictions, shape (n_rows,), or (n_rows, n_values) where each is more than one number."""
