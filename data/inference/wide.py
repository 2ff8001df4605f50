"""Wide files of series: a column for each series, or a row for each with a column for each step."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from data.inference.column_facts import ColumnFacts
from data.times import TIME_WORDS, TimeFormatError, parse_times, time_format

SERIES, TIME, POSITION, VALUE = "series", "time", "step", "value"
"""Columns of a melted file."""
MIN_STEPS = 6
"""Fewer columns beside a name are more often properties than steps."""
_NUMBERED = re.compile(r"(\D*)(\d+)")


@dataclass(frozen=True, eq=False)
class WideFile:
    """A file of series that is not long.

    Attributes
    ----------
    frame : the values alone; a column is a series, a row is a step.
    order : the time of each row, or its number.
    order_name : what the column of it is called.
    """

    frame: pd.DataFrame
    order: pd.Series[Any]
    order_name: str

    def melted(self) -> pd.DataFrame:
        """A row for each value; empty cells before the first and after the last value of a series are left out."""
        parts = []
        for place, name in enumerate(self.frame.columns):
            cells = self.frame.iloc[:, place]
            known = np.flatnonzero(cells.notna() & (cells.astype(str).str.strip() != ""))
            inside = slice(known[0], known[-1] + 1) if len(known) else slice(0, 0)
            values = pd.DataFrame({self.order_name: self.order.iloc[inside], VALUE: cells.iloc[inside]})
            values.insert(0, SERIES, str(name))
            parts.append(values)
        return pd.concat(parts, ignore_index=True)


def wide_file(frame: pd.DataFrame) -> WideFile | None:
    """The file as a wide one; None if it is not one."""
    if frame.shape[1] < 2 or len(frame) == 0:
        return None
    return _rows_of_series(frame) or _columns_of_series(frame)


def _rows_of_series(frame: pd.DataFrame) -> WideFile | None:
    """A name, then numbers in columns named by times, or by numbers that go up by one."""
    names, steps = frame.iloc[:, 0], [str(column) for column in frame.columns[1:]]
    if len(steps) < MIN_STEPS or names.isna().any() or names.duplicated().any():
        return None
    times = _times_of(steps)
    if times is None and not _go_up_by_one(steps):
        return None
    if not all(_are_numbers(frame, place) for place in range(1, frame.shape[1])):
        return None
    values = frame.iloc[:, 1:].T.reset_index(drop=True)
    values.columns = names.map(str)
    if times is None:
        return WideFile(values, pd.Series(range(len(steps))), POSITION)
    return WideFile(values, times, TIME)


def _columns_of_series(frame: pd.DataFrame) -> WideFile | None:
    """Numbers alone, at least two columns of them, beside at most one of times that differ in every row."""
    rest = [place for place in range(frame.shape[1]) if not _are_numbers(frame, place)]
    values = [place for place in range(frame.shape[1]) if place not in rest]
    if len(values) < 2 or len(rest) > 1:
        return None
    series = frame.iloc[:, values].reset_index(drop=True)
    if not rest:
        return WideFile(series, pd.Series(range(len(frame))), POSITION)
    times = ColumnFacts(str(frame.columns[rest[0]]), frame.iloc[:, rest[0]], typical_row=0)
    if not times.is_time or times.is_empty.any() or times.times.duplicated().any():
        return None
    return WideFile(series, times.times.reset_index(drop=True), TIME)


def _are_numbers(frame: pd.DataFrame, place: int) -> bool:
    """Whether a column holds numbers or nothing, by its name no times."""
    cells = frame.iloc[:, place]
    if set(re.findall(r"[a-z]+", str(frame.columns[place]).lower())) & TIME_WORDS:
        return False
    if cells.dtype.kind not in "iuf":
        texts = cells.dropna().astype(str).str.strip()
        return bool(pd.to_numeric(texts[texts != ""], errors="coerce").notna().all())
    return True


def _go_up_by_one(names: list[str]) -> bool:
    """Whether the names are one word and numbers: V2, V3, V4."""
    found = [_NUMBERED.fullmatch(name) for name in names]
    if not all(found):
        return False
    numbers = [int(one[2]) for one in found if one]
    return len({one[1] for one in found if one}) == 1 and bool((np.diff(numbers) == 1).all())


def _times_of(names: list[str]) -> pd.Series[Any] | None:
    """The times that the names spell; None if they spell none."""
    texts = pd.Series(names, dtype=object)
    if all(re.fullmatch(r"(1[6-9]|2[01])\d\d", name) for name in names):
        return parse_times(texts, "%Y")
    try:
        times = parse_times(texts, time_format(texts))
    except TimeFormatError:
        return None
    return None if times.isna().any() else times
