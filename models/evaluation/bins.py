"""Bins of a column: quantiles of a number, levels of everything else, and one for "no value"."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.spellings import number_codes, text_codes
from data.table import Column, level_text

MAX_LEVELS = 20
"""Levels with a bin of their own; all rarer ones share a bin, in which new levels land too."""

Codes = npt.NDArray[np.intp]


class Bins:
    """What rows a column is binned by: edges of a number between quantiles, or the most frequent levels.

    Parameters
    ----------
    values : of the rows that the bins are learned from.
    n_bins : most bins of a number. Equal values share a bin, so there may be fewer.

    Attributes
    ----------
    n_bins : bins of present values and, as the last one, that of missing values.
    """

    def __init__(self, column: Column, values: pd.Series[Any], *, n_bins: int) -> None:
        self._column = column
        present = values[~is_missing(column, values)]
        if column.kind == "number":
            shares = np.arange(1, n_bins) / n_bins
            numbers = present.to_numpy(np.float64)
            self._edges = np.unique(np.quantile(numbers, shares, method="lower")) if len(numbers) else np.zeros(0)
            self.n_bins = len(self._edges) + 2
        else:
            self._levels = present.value_counts().index[:MAX_LEVELS]
            self.n_bins = len(self._levels) + 2

    def codes(self, values: pd.Series[Any]) -> Codes:
        """The bin of each row, 0 .. n_bins - 1, shape (n_rows,)."""
        if self._column.kind == "number":
            codes = np.searchsorted(self._edges, values.to_numpy(np.float64), side="left")
        else:
            codes = self._levels.get_indexer(pd.Index(values))
            codes = np.where(codes < 0, len(self._levels), codes)
        return np.where(is_missing(self._column, values), self.n_bins - 1, codes).astype(np.intp)


def is_missing(column: Column, values: pd.Series[Any]) -> npt.NDArray[np.bool_]:
    """Which cells of a checked frame hold nothing, or a code for that; shape (n_rows,)."""
    empty: npt.NDArray[np.bool_] = values.isna().to_numpy()
    if column.kind == "number":
        return empty | values.isin([code for code in number_codes(column).values() if code is not None]).to_numpy()
    codes = text_codes(column)
    coded = [value for value in values.dropna().unique() if level_text(value) in codes] if codes else []
    return empty | values.isin(coded).to_numpy()
