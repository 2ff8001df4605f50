"""Histories: from checked rows in any order to one tidy history of each series."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from data.arrays import Floats, Integers
from data.checking import checked_frame
from data.column import Column
from data.errors import BadRowsError, Problem, TableError
from data.series.frequencies import Times, period_starts
from data.series.rules import conflict_problems, frequency_problems, gap_problems, repeated, value_problems
from data.series.sorted_values import SortedValues
from data.series.spec import SeriesSpec
from data.spellings import number_codes
from data.table import Table


@dataclass(frozen=True, eq=False)
class History:
    """The past of one series.

    Attributes
    ----------
    key : the name of the series; empty where the table has no column of names.
    values : finite, in the order of time, without gaps, at least one; those of the file, whatever the transform.
    times : of each value, UTC, datetime64[us]; a value that is carried has the start of its period. None for series
        without times.
    """

    key: str
    values: Floats
    times: Times | None

    def __len__(self) -> int:
        return len(self.values)


def histories(frame: pd.DataFrame, table: Table, source: str) -> list[History]:
    """One history of each series of a long frame, in the order of their first rows.

    Rows may come in any order. A row that repeats another one, with the same series, moment and value, counts once, so
    that a file or request may be sent twice; with another value it is refused. What `SeriesSpec` says of gaps and
    frequency applies within each series; times are not checked for the frequency "observations".

    Parameters
    ----------
    frame : checked rows (`data.checking`).
    source : names the rows in errors.

    Raises BadRowsError with every row that breaks a rule; of those that break the frequency, the first of each series.
    """
    return _tidy(_sorted(frame, table), table, source)


def history_of(values: Sequence[Any], times: Sequence[Any] | None, table: Table, source: str, key: str = "") -> History:
    """One series given as values, and times unless they come in order; None is a missing value.

    Raises BadRowsError, whose rows count the values from 1; TableError if times are given and the table has none.
    """
    if times is not None and table.time is None:
        raise TableError("the table has no times; leave them out and give the values in their order")
    if times is not None and len(times) != len(values):
        problem = Problem(0, "times", None, f"there are {len(times)} times for {len(values)} values")
        raise BadRowsError(source, [problem])
    cells = {table.target.name: pd.Series([_cell(value) for value in values], dtype=None if len(values) else object)}
    described: tuple[Column, ...] = (table.target,)
    spec = dataclasses.replace(_spec(table), frequency="observations")
    if times is not None and table.time is not None:
        cells[table.time.name] = pd.Series(list(times), dtype=object)
        described, spec = (*described, table.time), _spec(table)
    alone = dataclasses.replace(table, columns=described, series=spec)
    found = _sorted(checked_frame(alone, pd.DataFrame(cells), source, training=True), alone, key)
    return _tidy(found, alone, source)[0]


def _cell(value: Any) -> Any:
    """A value of a request as one of a file: what is neither number nor text is shown as it is written."""
    is_one = value is None or (isinstance(value, float | int | str | np.number) and not isinstance(value, bool))
    return value if is_one else str(value)


def _tidy(found: SortedValues, table: Table, source: str) -> list[History]:
    if problems := list(_problems(found, table)):
        raise BadRowsError(source, sorted(problems, key=lambda problem: problem.row))
    found = found.subset(~repeated(found))
    return [_history(found, piece) for piece in found.pieces()]


def _spec(table: Table) -> SeriesSpec:
    if table.series is None:
        raise TableError(f"table {table.name!r} has no [series]; add it with a horizon, such as horizon = 13")
    return table.series


def _sorted(frame: pd.DataFrame, table: Table, key: str = "") -> SortedValues:
    """The rows of a checked frame, series by series; `key` names the only one of a table without such a column."""
    spec = _spec(table)
    of, keys = np.zeros(len(frame), np.int64), (key,)
    if table.series_column is not None:
        codes, found = pd.factorize(frame[table.series_column.name])
        of, keys = codes.astype(np.int64), tuple(found.tolist())
    times, order = None, np.arange(len(frame))
    if table.time is not None:
        times = frame[table.time.name].to_numpy("datetime64[us]")
        order = times.astype(np.int64)
    elif table.position is not None:
        order = frame[table.position.name].to_numpy(np.int64)
    first_row = frame.index.start if isinstance(frame.index, pd.RangeIndex) else 0
    rows = np.arange(first_row + 1, first_row + 1 + len(frame))
    values = frame[table.target.name].to_numpy(np.float64)
    values = np.where(
        np.isin(values, [code for code in number_codes(table.target).values() if code is not None]), np.nan, values
    )
    return SortedValues.sort(spec, keys, of, order, values, rows, times=times)


def _problems(found: SortedValues, table: Table) -> Iterator[Problem]:
    target, order = table.target, table.time or table.position or table.target
    positive = "measure = 'return' compares it with the value before" if target.measure == "return" else ""
    if found.spec.transform == "log":
        positive = "transform = 'log' takes its logarithm; write transform = 'none'"
    yield from value_problems(found, target.name, positive=positive)
    conflicts = list(conflict_problems(found, target.name))
    yield from conflicts
    if not conflicts:  # they make steps of no length
        single = found.subset(~repeated(found))
        strange = list(frequency_problems(single, order.name))
        yield from strange or gap_problems(single, target.name)


def _history(found: SortedValues, piece: slice) -> History:
    """The tidy values of one series; nothing is carried back to periods before its first value."""
    values, periods = found.values[piece], None if found.periods is None else found.periods[piece]
    times = None if found.times is None else found.times[piece]
    key, known = found.keys[int(found.of[piece.start])], np.flatnonzero(~found.missing[piece])
    if found.spec.gaps != "carry":
        return History(key, values[known], None if times is None else times[known])
    at = np.arange(len(values)) if periods is None else periods - periods[0]
    every = np.arange(at[known[0]], at[-1] + 1)
    newest = known[np.searchsorted(at[known], every, side="right") - 1]
    return History(key, values[newest], None if times is None else _times_of(found, times, at, every, periods))


def _times_of(found: SortedValues, times: Times, at: Integers, every: Integers, periods: Integers | None) -> Times:
    """The time of every period, of a table with times: that of its row, or its start where it has none."""
    rows = np.minimum(np.searchsorted(at, every), len(at) - 1)
    if periods is None:
        return times[rows]
    starts = period_starts(periods[0] + every, found.spec.frequency)
    return np.where(at[rows] == every, times[rows], starts)
