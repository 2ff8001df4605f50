"""The types in which rows, targets and predictions travel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.arrays import Floats, Mask

Row: TypeAlias = Mapping[str, Any]

Rows: TypeAlias = Sequence[Row] | pd.DataFrame
"""Rows of requests, or a frame of them as returned by `data.checking.check_frame`."""

Columns: TypeAlias = dict[str, list[Any]]
"""Answer fields by name, each with one value per row."""

Targets: TypeAlias = npt.NDArray[Any]
"""Targets, shape (n_rows,): 0 or 1, the position of a level, or a number; or (n_rows, n_steps), padded with NaN."""

Predictions: TypeAlias = Floats
"""Predictions, shape (n_rows,), or (n_rows, n_values) or (n_rows, n_steps, n_values) where each is several numbers."""


def stacked(values: Iterable[Any]) -> Floats:
    """Targets or predictions of rows as one array, in their order.

    Numbers and arrays of any shape; None is NaN, and where shapes differ the smaller ones are padded with NaN.
    """
    values = list(values)
    try:
        return np.array(values, np.float64)
    except ValueError:  # of several shapes
        pass
    arrays = [np.asarray(np.nan if one is None else one, np.float64) for one in values]
    n_axes = max((one.ndim for one in arrays), default=0)
    arrays = [one.reshape(one.shape + (1,) * (n_axes - one.ndim)) for one in arrays]
    shape = tuple(max(lengths) for lengths in zip(*(one.shape for one in arrays), strict=True))
    found = np.full((len(arrays), *shape), np.nan)
    for row, one in zip(found, arrays, strict=True):
        row[tuple(map(slice, one.shape))] = one
    return found


def are_known(targets: Targets) -> Mask:
    """Of which rows the target, or a part of it, is known."""
    by_row = np.isnan(targets).reshape(len(targets), -1 if targets.size else 1)
    return np.asarray(~by_row.all(axis=1))
