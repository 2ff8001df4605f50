"""Facts about one column of a file without a description."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.column import level_text
from data.errors import TableError
from data.spellings import EXACT_WHOLE_NUMBERS
from data.times import TIME_WORDS, TimeFormatError, epoch_of, parse_times, time_format

# "007" and "1,234" are not plain numbers: one is an id, the other is ambiguous
_PLAIN_NUMBER = re.compile(r"-?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


class ColumnFacts:
    """Properties of the cells of one column.

    Attributes
    ----------
    words : the lower-case words of its name: "customerId" and "CUSTOMER_ID" are {"customer", "id"}.
    is_empty : shape (n_rows,), which cells are empty or blank.
    present : the other cells, unchanged.
    counts : rows of each distinct value, the most frequent first, indexed by level text.
    typical_row : index in `present` of a typical value: the given row, or the first that is not empty.
    """

    def __init__(self, name: str, cells: pd.Series[Any], *, typical_row: int) -> None:
        self.name = name
        self.words = {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}
        cells = (cells.astype(object) if cells.dtype == "category" else cells).reset_index(drop=True)
        try:
            positions, uniques = pd.factorize(cells)
        except TypeError as error:
            raise TableError(f"column {name!r} holds lists or other structures, not single values") from error
        texts = [level_text(value) for value in uniques.tolist()]
        blank = np.array([not text.strip() for text in texts] + [True])
        self._distinct = [text for text in map(str, uniques.tolist()) if text.strip()]
        self.is_empty: npt.NDArray[np.bool_] = blank[positions]
        self.present = cells[~self.is_empty]
        rows = np.bincount(positions[~self.is_empty], minlength=len(texts))
        by_text = pd.Series(rows, index=pd.Index(texts, dtype=object)).groupby(level=0, sort=False).sum()
        self.counts = by_text[by_text > 0].sort_values(ascending=False, kind="stable")
        is_there = len(self.present) == 0 or not self.is_empty[typical_row]
        self.typical_row = typical_row if is_there else int(self.present.index[0])

    @property
    def n_rows(self) -> int:
        """All rows, including empty ones."""
        return len(self.is_empty)

    @property
    def n_distinct(self) -> int:
        """Number of distinct values."""
        return len(self.counts)

    @property
    def share_distinct(self) -> float:
        """Distinct values as a share of the non-empty rows."""
        return self.n_distinct / max(len(self.present), 1)

    @cached_property
    def longest(self) -> int:
        """Characters of the longest value."""
        return max(map(len, self.counts.index), default=0)

    @property
    def is_text(self) -> bool:
        """Whether the values are neither numbers nor times by type, as in every CSV."""
        return self.present.dtype.kind not in "iufMm"

    @cached_property
    def is_number(self) -> bool:
        """Whether every value is a plain number; booleans and times are not."""
        if self.present.dtype.kind in "iuf":
            return True
        if self.present.dtype.kind in "bMm" or any(isinstance(value, bool) for value in self.present):
            return False
        texts = [text.strip() for text in self.counts.index]
        return all(_PLAIN_NUMBER.fullmatch(text) and np.isfinite(float(text)) for text in texts)

    @cached_property
    def numbers(self) -> npt.NDArray[np.float64]:
        """The present values as numbers; only if `is_number`."""
        return pd.to_numeric(self.present).to_numpy(np.float64)

    @cached_property
    def is_whole(self) -> bool:
        """Whether the values are whole numbers, also where pandas made floats of them because of empty cells."""
        if self.present.dtype.kind in "iu":
            return True
        if self.present.dtype.kind != "f" and all(one.strip().lstrip("-").isdecimal() for one in self._distinct):
            return True
        return bool(self.is_empty.any() and self.is_number and (self.numbers == np.floor(self.numbers)).all())

    @property
    def has_long_numbers(self) -> bool:
        """Whether a whole number exceeds the precision of a float."""
        return self.is_whole and bool((np.abs(self.numbers) >= EXACT_WHOLE_NUMBERS).any())

    @cached_property
    def _read_format(self) -> tuple[str | None, str]:
        try:
            if self.is_number and self.words & TIME_WORDS:
                return epoch_of(self.numbers), ""
            return time_format(self.present), ""
        except TimeFormatError as error:
            return None, str(error)

    @property
    def time_format(self) -> str | None:
        """The format of the values as times; None for ISO 8601."""
        return self._read_format[0]

    @property
    def time_doubt(self) -> str:
        """Why the values, which look like times, cannot be read as such."""
        return self._read_format[1]

    @cached_property
    def times(self) -> pd.Series[Any]:
        """The present values as times in UTC; NaT for values that are not times or are ambiguous."""
        return parse_times(self.present, self.time_format)

    @property
    def is_time(self) -> bool:
        """Whether every value is a time."""
        return bool(len(self.present) and self.times.notna().all())
