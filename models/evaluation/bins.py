"""Bins of a column: quantiles of a number, levels of other kinds, and one bin for missing values."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.column import Column, level_text
from data.spellings import number_codes, text_codes
from models.arrays import Floats, Mask
from models.evaluation.psi import Counts

MAX_LEVELS = 20
"""Levels with a bin of their own; rarer and new ones share a bin."""

Codes = npt.NDArray[np.intp]


class Bins:
    """Bins of a column; the last one holds missing values.

    Parameters
    ----------
    edges : of a number, ascending; a value belongs to the first bin whose edge it does not exceed, or above all edges.
    levels : of any other column: levels with their own bin; all others share the bin after them.

    Attributes
    ----------
    n_bins : number of bins, including the one for missing values.
    """

    def __init__(self, column: Column, *, edges: Floats | None = None, levels: pd.Index[Any] | None = None) -> None:
        self.column = column
        self._edges = np.zeros(0) if edges is None else edges
        self._levels = pd.Index([], dtype=object) if levels is None else levels
        self.n_bins = (len(self._edges) if column.kind == "number" else len(self._levels)) + 2

    @classmethod
    def of(cls, column: Column, values: pd.Series[Any], *, n_bins: int) -> Bins:
        """Fit at most `n_bins` equal-count bins of a number, or a bin for each of the most frequent levels."""
        present = values[~is_missing(column, values)]
        if column.kind != "number":
            return cls(column, levels=present.value_counts().index[:MAX_LEVELS])
        shares, numbers = np.arange(1, n_bins) / n_bins, present.to_numpy(np.float64)
        return cls(column, edges=np.unique(np.quantile(numbers, shares, method="lower")) if len(numbers) else None)

    def codes(self, values: pd.Series[Any]) -> Codes:
        """The bin of each row, 0 .. n_bins - 1, shape (n_rows,)."""
        if self.column.kind == "number":
            codes = np.searchsorted(self._edges, values.to_numpy(np.float64), side="left")
        else:
            codes = self._levels.get_indexer(pd.Index(values, dtype=self._levels.dtype))
            codes = np.where(codes < 0, len(self._levels), codes)
        return np.where(is_missing(self.column, values), self.n_bins - 1, codes).astype(np.intp)


def counts_in(codes: Codes, n_bins: int) -> Counts:
    """Rows in each bin."""
    return np.bincount(codes, minlength=n_bins).astype(np.int64)


def is_missing(column: Column, values: pd.Series[Any]) -> Mask:
    """Mask of missing values, including codes for missing; shape (n_rows,)."""
    empty: Mask = values.isna().to_numpy()
    if column.kind == "number":
        return empty | values.isin([code for code in number_codes(column).values() if code is not None]).to_numpy()
    codes = text_codes(column)
    coded = [value for value in values.dropna().unique() if level_text(value) in codes] if codes else []
    return empty | values.isin(coded).to_numpy()
