"""Forecasts as rows: from the histories of a table of series to a table whose rows are one forecast each.

A row has the values of a series up to an origin, and as target the values that came next. Requests have such rows too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pandas as pd

from data.arrays import Floats
from data.checking import checked_frame
from data.column import Column
from data.errors import DataError, TableError
from data.numbers import MAX_NUMBERS, Numbers
from data.series.histories import History, histories
from data.table import Table

VALUES, NEXT = "values", "next_values"
"""The columns of the past and of the target."""
USUAL_PAST = 2_000
"""Newest values of a row; more tell a forecast nothing, unless the season is long."""
LEAST_ROWS, LEAST_ORIGINS, MOST_ORIGINS = 600, 3, 1_000
"""Rows that training asks for, and origins of each series, at least and at most."""
N_EXAMPLE = 60


def is_of_histories(table: Table) -> bool:
    """Whether its rows are forecasts, and not single values of series."""
    return table.series is not None and bool(table.features)


def past_length(table: Table) -> int:
    """How many of the newest values a row has at most."""
    assert table.series is not None  # noqa: S101 - callers have a table of series
    return min(max(USUAL_PAST, 4 * table.series.season + table.series.horizon), MAX_NUMBERS)


def history_table(table: Table, example: History | None = None) -> Table:
    """The table of forecasts for a table of series; it has the same `[series]`.

    Parameters
    ----------
    example : the values that the documentation shows.

    Raises TableError if one of its columns has a name that rows of forecasts need, or returns are to be forecast.
    """
    spec = table.series
    if spec is None:
        raise TableError(f"table {table.name!r} has no [series]; add it with a horizon, such as horizon = 13")
    target, kept = table.target, [column for column in (table.series_column, table.time) if column is not None]
    for column in kept:
        if column.name in (VALUES, NEXT):
            raise TableError(f"column {column.name!r}: rows of forecasts have a column of this name; rename it")
    if target.measure == "return":
        raise TableError(
            f"column {target.name!r}: returns are forecast from Python alone (`models.series.returns`); leave out "
            "measure = 'return' to forecast the level"
        )
    what = target.description or target.name
    values = Column(
        name=VALUES,
        kind="numbers",
        description=f"{what}, up to the last known value, the oldest first",
        unit=target.unit,
        most_numbers=past_length(table),
        positive_numbers=spec.transform == "log",
        example=None if example is None else _numbers(example.values[-N_EXAMPLE:]),
    )
    following = Column(
        name=NEXT,
        kind="numbers",
        role="target",
        description=f"{what}, the next values in their order",
        unit=target.unit,
        most_numbers=spec.horizon,
    )
    of_files = [column for column in (target, table.position) if column is not None]
    read = [dataclasses.replace(column, role="ignore", measure=None) for column in of_files]
    origin = [_of_origin(column, example) for column in kept]
    return dataclasses.replace(table, columns=(*origin, values, following, *read))


def series_table(table: Table) -> Table:
    """The inverse of `history_table`: the table of the single values of series, for files that hold those."""
    value, *position = table.of_role("ignore")
    columns = [dataclasses.replace(value, role="target")]
    columns += [dataclasses.replace(column, role="position") for column in position]
    columns += [dataclasses.replace(column, role="series", optional=False) for column in table.of_role("entity")]
    columns += [] if table.time is None else [dataclasses.replace(table.time, optional=False)]
    return dataclasses.replace(table, columns=tuple(columns))


def holds_single_values(table: Table, frame: pd.DataFrame) -> bool:
    """Whether a file for a table of forecasts has the single values of series in their place."""
    return is_of_histories(table) and VALUES not in frame.columns and bool(table.of_role("ignore"))


def forecasts_in(table: Table, frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """The forecasts to make for a file of single values: one row for each series, its time as text.

    Parameters
    ----------
    table : of forecasts. frame : as read.

    Raises BadRowsError with every row that breaks a rule of the table.
    """
    single = series_table(table)
    rows = newest_rows(histories(checked_frame(single, frame, source, training=True), single, source), table)
    if table.time is None:
        return rows
    return rows.assign(**{table.time.name: rows[table.time.name].astype(str)})


def _of_origin(column: Column, example: History | None) -> Column:
    """Name of the series, or time of the last value: known or not."""
    if column.kind == "time":
        time = None if example is None or example.times is None else str(example.times[-1].astype("datetime64[s]"))
        return dataclasses.replace(column, optional=True, description="Time of the last value", example=time)
    name = None if example is None else example.key
    return dataclasses.replace(column, role="entity", optional=True, example=name)


def training_rows(pasts: Sequence[History], table: Table, *, n_origins: int | None = None) -> pd.DataFrame:
    """Rows at origins one horizon apart, those nearest to the end of their series last.

    So in this order no later row's target lies before an earlier row's of the same series: a split in the order of the
    rows tests each series after the part that it is trained on.

    Parameters
    ----------
    table : of forecasts, see `history_table`.
    n_origins : of each series, fewer of short ones; None for as many as training asks for.

    Raises DataError if no series has a value and a horizon more.
    """
    assert table.series is not None  # noqa: S101 - see `history_table`
    horizon = table.series.horizon
    n_origins = n_origins or min(max(-(-LEAST_ROWS // max(len(pasts), 1)), LEAST_ORIGINS), MOST_ORIGINS)
    values = [_numbers(history.values) for history in pasts]
    rows = [
        (age, place, len(past) - age * horizon)
        for place, past in enumerate(values)
        for age in range(1, min(n_origins, (len(past) - 1) // horizon) + 1)
    ]
    if not rows:
        longest = max(map(len, pasts), default=0)
        raise DataError(
            f"no series has more values than the horizon of {horizon}, the longest has {longest}; give longer series, "
            "or a shorter horizon"
        )
    rows.sort(key=lambda row: (-row[0], row[1]))
    most = past_length(table)
    cells = {
        VALUES: [values[place][max(end - most, 0) : end] for _, place, end in rows],
        NEXT: [values[place][end : end + horizon] for _, place, end in rows],
    }
    return _frame(table, cells, [(pasts[place], end) for _, place, end in rows])


def newest_rows(pasts: Sequence[History], table: Table) -> pd.DataFrame:
    """One row for each series, from its last value on; without target."""
    most = past_length(table)
    cells = {VALUES: [_numbers(history.values[-most:]) for history in pasts]}
    return _frame(table, cells, [(history, len(history)) for history in pasts])


def _frame(table: Table, cells: dict[str, list[Numbers]], origins: Sequence[tuple[History, int]]) -> pd.DataFrame:
    """The cells beside name and time of each origin, a history with the number of its known values."""
    columns = {name: pd.Series(of_rows, dtype=object) for name, of_rows in cells.items()}
    for column in table.columns:
        if column.role == "entity":
            columns[column.name] = pd.Series([history.key for history, _ in origins], dtype=object)
        if column.role == "time":
            times = [None if one.times is None else one.times[end - 1] for one, end in origins]
            columns[column.name] = pd.Series(times, dtype="datetime64[us]")
    return pd.DataFrame({name: columns[name] for name in table.column_names if name in columns})


def _numbers(values: Floats) -> Numbers:
    return tuple(float(one) for one in values)
