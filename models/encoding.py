"""TableEncoder: a frame, or rows as they come in a request, to one float32 matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from data.table import Column, Table
from models.encoding_blocks import CategoryBlock, Features, NumberBlock, TimeBlock


class TableEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn the columns of a table into the inputs of a network.

    Numbers become a robustly scaled value and a piecewise-linear code on quantile bins, categories and flags one-hot
    features, keys hashed ones, times points on circles of the calendar; see `encoding_blocks`. Gaps and levels that
    training never saw are encoded, never an error. `transform` takes frames, `encode_rows` takes rows as mappings
    without going through pandas; for the same values both give the same bits.

    Parameters
    ----------
    table : which columns to read and what they are; its features and its time are encoded. None describes each column
        of the data by its type: numbers are numbers, everything else is a category.
    n_bins : most quantile bins a number, 0 for none.
    max_levels : most levels of a category with a feature of their own.
    least_rows : training rows that a level needs for that (fewer in small tables).
    rows_per_chunk : rows encoded at once; bounds the memory that is needed beside the result.

    Attributes
    ----------
    table_ : the table used.
    owners_ : for each feature the position, among the encoded columns, of the column that it belongs to; shape
        (n_features,).
    column_names_ : the encoded columns.
    """

    def __init__(
        self,
        table: Table | None = None,
        *,
        n_bins: int = 16,
        max_levels: int = 128,
        least_rows: int = 10,
        rows_per_chunk: int = 8192,
    ) -> None:
        self.table = table
        self.n_bins = n_bins
        self.max_levels = max_levels
        self.least_rows = least_rows
        self.rows_per_chunk = rows_per_chunk

    def fit(self, X: Any, y: Any = None) -> TableEncoder:
        """Learn ranges, bins and levels from a frame (or array) of training rows; `y` is not used."""
        frame = self._frame(X, fitting=True)
        self.table_ = self.table if self.table is not None else _table_by_types(frame)
        columns = [column for column in self.table_.of_role("feature", "time") if column.role != "ignore"]
        self.numbers_ = NumberBlock([column for column in columns if column.kind == "number"], n_bins=self.n_bins)
        self.others_ = [
            TimeBlock(column)
            if column.kind == "time"
            else CategoryBlock(column, max_levels=self.max_levels, least_rows=self.least_rows)
            for column in columns
            if column.kind != "number"
        ]
        blocks = [self.numbers_, *self.others_]
        for block in blocks:
            block.fit(frame)
        owners = [owner for block in blocks for owner in block.owners]
        self.column_names_ = [column.name for column in columns]
        self.owners_ = np.array([self.column_names_.index(owner) for owner in owners], np.intp)
        widths = [len(block.owners) for block in blocks]
        self.slices_ = [[start, stop] for start, stop in pairwise(np.cumsum([0, *widths]).tolist())]
        return self

    def transform(self, X: Any) -> Features:
        """Encode a frame (or array): float32 of shape (n_rows, n_features)."""
        check_is_fitted(self)
        frame = self._frame(X, fitting=False)
        out = np.empty((len(frame), len(self.owners_)), np.float32)
        for first in range(0, len(frame), self.rows_per_chunk):
            chunk = frame.iloc[first : first + self.rows_per_chunk]
            part = out[first : first + self.rows_per_chunk]
            if self.numbers_.names:
                self.numbers_.encode(self.numbers_.values_of_frame(chunk), self._numbers_of(part))
            for block, (start, stop) in zip(self.others_, self.slices_[1:], strict=True):
                if isinstance(block, TimeBlock):
                    block.encode(block.parts_of_frame(chunk), part[:, start:stop])
                else:
                    part[:, start:stop] = block.vectors[block.codes_of_frame(chunk)]
        return out

    def encode_rows(self, rows: Sequence[Mapping[str, Any]]) -> Features:
        """Encode rows given as mappings from column name to value: float32 of shape (n_rows, n_features)."""
        out = np.empty((len(rows), len(self.owners_)), np.float32)
        if self.numbers_.names:
            self.numbers_.encode(self.numbers_.values_of_rows(rows), self._numbers_of(out))
        for block, (start, stop) in zip(self.others_, self.slices_[1:], strict=True):
            if isinstance(block, TimeBlock):
                block.encode(block.parts_of_rows(rows), out[:, start:stop])
            else:
                for i, row in enumerate(rows):
                    out[i, start:stop] = block.vectors[block.code(row.get(block.name))]
        return out

    def unseen_columns(self, row: Mapping[str, Any]) -> list[str]:
        """The categories of a row whose level training saw too seldom, or never, to know it."""
        return [
            block.name
            for block in self.others_
            if isinstance(block, CategoryBlock) and block.is_unseen(row.get(block.name))
        ]

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Name of each feature, e.g. "income", "income>1200", "housing=rent"; `input_features` is not used."""
        check_is_fitted(self)
        return np.array([name for block in (self.numbers_, *self.others_) for name in block.feature_names], object)

    def _numbers_of(self, out: Features) -> Features:
        start, stop = self.slices_[0]
        return out[:, start:stop]

    def _frame(self, X: Any, *, fitting: bool) -> pd.DataFrame:
        """The data as a frame; arrays get column names x0, x1, ..."""
        if self.table is not None and isinstance(X, pd.DataFrame):
            needed = [column.name for column in self.table.of_role("feature", "time")]
            if absent := [name for name in needed if name not in X.columns]:
                raise ValueError(f"the frame lacks the column(s) {', '.join(map(repr, absent))}")
            return X
        if isinstance(X, pd.DataFrame):
            validate_data(self, X, reset=fitting, skip_check_array=True)
            return X
        array = validate_data(self, X, reset=fitting, dtype=None, ensure_all_finite="allow-nan")
        return pd.DataFrame(array, columns=[f"x{i}" for i in range(array.shape[1])])

    def __sklearn_tags__(self) -> Any:
        """Gaps, text and categories are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _table_by_types(frame: pd.DataFrame) -> Table:
    """A table that calls numbers numbers, times times and everything else a category."""
    columns = []
    for name, values in frame.items():
        is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        kind = "number" if is_number else "time" if pd.api.types.is_datetime64_any_dtype(values) else "category"
        columns.append(Column(name=str(name), kind=kind, optional=True))  # type: ignore[arg-type]
    return Table(name="data", columns=tuple(columns))
