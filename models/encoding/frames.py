"""What the encoder is given: frames, arrays and targets, as frames of a table's columns and labels of two classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import column_or_1d, validate_data

from data.column import Column
from data.table import Table
from models.arrays import Labels


def frame_of(encoder: BaseEstimator, X: Any, *, fitting: bool) -> pd.DataFrame:
    """The data as a frame with the columns that the encoder's table needs; arrays get column names x0, x1, ..."""
    if encoder.table is not None and isinstance(X, pd.DataFrame):
        needed = [column.name for column in encoder.table.features]
        if absent := [name for name in needed if name not in X.columns]:
            raise ValueError(f"the frame lacks the column(s) {', '.join(map(repr, absent))}")
        if doubled := sorted(set(needed) & set(X.columns[X.columns.duplicated()])):
            raise ValueError(f"the frame has more than one column named {', '.join(map(repr, doubled))}")
        return X
    if isinstance(X, pd.DataFrame):
        validate_data(encoder, X, reset=fitting, skip_check_array=True)
        return X.rename(columns=str)
    array = validate_data(encoder, X, reset=fitting, dtype=None, ensure_all_finite=False)
    return pd.DataFrame(array, columns=[f"x{i}" for i in range(array.shape[1])])


def binary_labels(y: Any, n_rows: int) -> Labels | None:
    """The target as 0 and 1, None if it is not of two classes."""
    if y is None:
        return None
    classes, labels = np.unique(column_or_1d(y), return_inverse=True)
    if len(labels) != n_rows:
        raise ValueError(f"y has {len(labels)} values for {n_rows} rows")
    return labels if len(classes) == 2 else None


def table_by_types(frame: pd.DataFrame) -> Table:
    """A table with the columns of a frame: numbers, times, and everything else as categories."""
    columns = []
    for name, values in frame.items():
        is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        kind = "number" if is_number else "time" if pd.api.types.is_datetime64_any_dtype(values) else "category"
        columns.append(Column(name=str(name), kind=kind, optional=True))  # type: ignore[arg-type]
    return Table(name="data", columns=tuple(columns))
