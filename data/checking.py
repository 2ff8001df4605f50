"""Validation of a file against its table: every bad value is reported, none is silently dropped or repaired."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.arrays import Mask
from data.column import Column, Kind, level_text
from data.errors import BadRowsError, Problem
from data.numbers import first_wrong, is_list, numbers_of
from data.spellings import MAX_CHARACTERS, flag_spellings, number_codes, text_codes, value_text
from data.table import MAX_SHOWN_VALUES, Table
from data.times import TimeFormatError, parse_times, time_format

_MAX_LISTED = 1_000
_ONLY_IN_TRAINING = ("target", "weight", "propensity")
"""Roles of columns that only past rows have, not requests."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Checked:
    """A column's values in canonical form, its empty cells, and its invalid cells."""

    values: npt.NDArray[Any]
    empty: Mask
    bad: Mask
    doubt: str = ""
    """What is wrong with the column as a whole; then all its values are bad."""
    notes: Mapping[int, str] = field(default_factory=dict)
    """More on what is wrong with a bad cell, by its position."""


def checked_frame(table: Table, frame: pd.DataFrame, source: str, *, training: bool) -> pd.DataFrame:
    """The frame from `check_frame`, or a BadRowsError that lists every bad value of `source`."""
    checked, problems = check_frame(table, frame, training=training)
    if problems:
        raise BadRowsError(source, problems)
    return checked


def check_frame(table: Table, frame: pd.DataFrame, *, training: bool) -> tuple[pd.DataFrame, list[Problem]]:
    """Convert the used columns to their canonical form, and list violations of the table's rules.

    Parameters
    ----------
    frame : as read from a file, with values of any type.
    training : whether to check target, weight, propensity and listed levels too. For scoring, those columns are left
        out, and a missing column with a default holds it in every row, a missing optional one counts as empty.

    Returns
    -------
    checked : the used columns in table order, for training with protected ones that are no inputs, with the index of
        `frame`. Numbers are float64 (NaN where empty; codes for "no value" stay, except text ones), times naive UTC
        datetime64[us], and all others canonical text as objects (None where empty); flags are keys of `flag_values`.
    problems : in the order of rows; rows with problems must not be used. Rows are counted from 1, through the whole
        file if the index is such a range.
    """
    problems = _missing_columns(table, frame, training=training)
    used = _used_columns(table, frame, training=training)
    first_row = frame.index.start if isinstance(frame.index, pd.RangeIndex) else 0
    checked = {}
    for column in used:
        if column.name in frame.columns:
            result = _CHECKS[column.kind](column, frame[column.name], training)
            may_be_empty = _may_be_empty(table, column, training=training)
            problems += _problems(
                column, frame[column.name], result, first_row, training=training, may_be_empty=may_be_empty
            )
            cells = result.values
        elif column.default is not None:
            given = pd.Series([column.default] * len(frame), index=frame.index, dtype=object)
            cells = _CHECKS[column.kind](column, given, training).values
        else:
            cells = np.full(len(frame), *_EMPTY[column.kind])
        # The type is given: pandas would infer another one for columns without values
        checked[column.name] = pd.Series(cells, index=frame.index, dtype=cells.dtype)
    result_frame = pd.DataFrame(checked, index=frame.index)
    if training:
        if table.event is not None and table.event.name in result_frame:
            problems += _repeated_events(table.event, result_frame[table.event.name], first_row)
        problems += _target_problems(table, result_frame)
    position = {name: i for i, name in enumerate(table.column_names)}
    return result_frame, sorted(problems, key=lambda problem: (problem.row, position[problem.column]))


def known_labels(table: Table, frame: pd.DataFrame) -> npt.NDArray[np.int64] | None:
    """0/1 labels of rows to score, shape (n_rows,); None if the file has no target column.

    An empty or invalid target counts as 0: the outcome of the row is unknown.
    """
    target = next(iter(table.of_role("target")), None)
    if target is None or target.name not in frame.columns:
        return None
    found = _CHECKS[target.kind](target, frame[target.name], True)
    return table.labels(pd.DataFrame({target.name: found.values})) * ~(found.empty | found.bad)


def with_time_formats(table: Table, frame: pd.DataFrame) -> Table:
    """The table with the formats of the frame's time columns that it does not name.

    Later files and requests are read by them, however few rows they have. A column in doubt stays without one:
    `check_frame` says why.
    """
    found = {}
    for column in table.columns:
        if column.kind == "time" and column.format is None and column.window is None and column.name in frame.columns:
            with suppress(TimeFormatError):
                if form := time_format(frame[column.name].mask(frame[column.name].isin(list(text_codes(column))))):
                    found[column.name] = {"format": form}
    return table.with_columns(found) if found else table


def unknown_columns(table: Table, frame: pd.DataFrame) -> list[str]:
    """The columns of a file that its table does not describe; they are ignored."""
    return [str(name) for name in frame.columns if name not in table.column_names]


def _is_required(column: Column, *, training: bool) -> bool:
    """Whether a file must have the column."""
    if training:
        return column.role != "ignore" and column.window is None
    return column.requested and not column.may_be_absent


def _missing_columns(table: Table, frame: pd.DataFrame, *, training: bool) -> list[Problem]:
    """Problems with missing, repeated and unexpected columns."""
    names = list(frame.columns)
    problems = []
    for column in table.columns:
        if column.name in names and column.window is not None:
            rule = "is computed from earlier rows; rename it or leave it out of the file"
            problems.append(Problem(0, column.name, None, rule))
        elif column.name not in names and _is_required(column, training=training):
            rule = f"the file has no such column; it has {_listed(names)}"
            problems.append(Problem(0, column.name, None, rule))
        elif names.count(column.name) > 1:
            problems.append(
                Problem(0, column.name, None, f"the file has {names.count(column.name)} columns of this name")
            )
    return problems


def _listed(names: list[Any]) -> str:
    """Names for an error message; very long lists are cut."""
    text = ", ".join(map(str, names[:_MAX_LISTED])) or "none"
    return text if len(text) <= _MAX_LISTED and len(names) <= _MAX_LISTED else f"{text[:_MAX_LISTED]}..."


def _used_columns(table: Table, frame: pd.DataFrame, *, training: bool) -> list[Column]:
    """The columns of the result."""
    names = list(frame.columns)
    used = []
    for column in table.columns:
        is_read = column.requested or (training and column.role in _ONLY_IN_TRAINING)
        taken_as_empty = column.name not in names and column.may_be_absent and is_read and not training
        if taken_as_empty or (names.count(column.name) == 1 and (is_read or (training and column.protected))):
            used.append(column)
    return used


def _may_be_empty(table: Table, column: Column, *, training: bool) -> bool:
    """Whether a cell may be empty; in a series it may be a gap."""
    if table.series is not None and column.role == "target":
        return table.series.gaps != "refuse"
    return column.optional and not (training and column.role in (*_ONLY_IN_TRAINING, "time"))


def _problems(
    column: Column, values: pd.Series[Any], checked: _Checked, first_row: int, *, training: bool, may_be_empty: bool
) -> list[Problem]:
    """The bad and the forbidden empty cells of one column."""
    problems = []
    if training and checked.doubt:  # one problem is enough
        rule = f"{checked.doubt}; add format = '...' to the column in the table's TOML, or write ISO 8601 (2024-12-31)"
        return [Problem(0, column.name, None, rule)]
    rows = np.flatnonzero(checked.bad)
    for row, value in zip(rows.tolist(), values.iloc[rows].tolist(), strict=True):
        note = f"; {checked.notes[row]}" if row in checked.notes else ""
        length = (
            f" of at most {MAX_CHARACTERS} characters"
            if column.kind != "numbers" and len(str(value)) > MAX_CHARACTERS
            else ""
        )
        rule = f"must be {column.allowed}{length}" + (f": {checked.doubt}" if checked.doubt else "") + note
        shown = f"a list of {len(value)}" if is_list(value) else value
        problems.append(Problem(first_row + row + 1, column.name, shown, rule))
    if not may_be_empty:
        rows = np.flatnonzero(checked.empty)
        rule = f"must not be empty; it must be {column.allowed.removesuffix(', or empty')}"
        problems += [Problem(first_row + row + 1, column.name, None, rule) for row in rows.tolist()]
    return problems


def _repeated_events(column: Column, ids: pd.Series[Any], first_row: int) -> list[Problem]:
    """Rows that repeat an event id: an event that counted twice would be in its own history."""
    repeated = np.flatnonzero((ids.duplicated() & ids.notna()).to_numpy())
    rule = "is also the id of an earlier row; ids of events must be unique"
    return [Problem(first_row + row + 1, column.name, ids.iloc[row], rule) for row in repeated.tolist()]


def _target_problems(table: Table, checked: pd.DataFrame) -> list[Problem]:
    """Problems that make training impossible: no rows, or a target with a single value."""
    target = table.target
    if len(checked) == 0:
        return [Problem(0, target.name, None, "the file has no rows")]
    if target.name not in checked or table.series is not None:
        return []
    present = checked[checked[target.name].notna()]
    found = [level_text(value) for value in present[target.name].unique()]
    if not found:
        return []  # every row has a problem already
    if len(found) == 1:
        rule = f"every row holds {found[0]!r}; rows of at least two different values are needed"
        return [Problem(0, target.name, None, rule)]
    if target.positive is not None and target.positive not in found:
        shown = ", ".join(map(repr, found[:MAX_SHOWN_VALUES])) + (", ..." if len(found) > MAX_SHOWN_VALUES else "")
        rule = f"no row holds {target.positive!r}, which 'positive' names as the event; the values are {shown}"
        return [Problem(0, target.name, None, rule)]
    return []


def _distinct(
    values: pd.Series[Any], text_of: Callable[[object], str]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.object_], Mask]:
    """Position of each row's text among the distinct texts, these texts, and which rows are empty or blank."""
    # Columns have few distinct values: each is converted once, not once a row
    positions, uniques = pd.factorize(values.astype(object) if values.dtype == "category" else values)
    texts = [text_of(value) for value in uniques.tolist()]
    blank = np.array([not text.strip() for text in texts] + [True])  # the last one is for position -1
    return positions, np.array([*texts, None], object), blank[positions]


def _check_number(column: Column, values: pd.Series[Any], training: bool) -> _Checked:
    codes = number_codes(column)
    if values.dtype.kind in "iuf":
        numbers = values.to_numpy(np.float64, na_value=np.nan)
        empty = np.isnan(numbers)
        exempt = np.zeros(len(numbers), np.bool_)
    else:
        positions, texts, empty = _distinct(values, value_text)
        numbers = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").to_numpy(np.float64)[positions]
        exempt = pd.Series(texts, dtype=object).isin(list(codes)).to_numpy()[positions]
    exempt |= np.isin(numbers, [code for code in codes.values() if code is not None])
    bad = ~np.isfinite(numbers)
    if column.minimum is not None:
        bad |= numbers < column.minimum
    if column.maximum is not None:
        bad |= numbers > column.maximum
    if column.whole:
        bad |= numbers != np.floor(numbers)
    if column.role == "propensity":
        bad |= (numbers <= 0) | (numbers > 1)
    return _Checked(values=numbers, empty=empty, bad=bad & ~empty & ~exempt)


def _check_text(column: Column, values: pd.Series[Any], training: bool) -> _Checked:
    positions, texts, empty = _distinct(values, column.level_of)
    allowed = (
        {*column.levels, *text_codes(column)} if training and column.kind == "category" and column.levels else None
    )
    bad = [
        (allowed is not None and text not in allowed) or (column.kind != "text" and len(text) > MAX_CHARACTERS)
        for text in texts[:-1]
    ]
    found = texts[positions]
    found[empty] = None
    return _Checked(values=found, empty=empty, bad=np.array([*bad, False])[positions] & ~empty)


def _check_flag(column: Column, values: pd.Series[Any], training: bool) -> _Checked:
    positions, texts, empty = _distinct(values, value_text)
    spellings, codes = flag_spellings(column), text_codes(column)
    canonical = np.array([spellings.get(text) for text in texts], object)
    bad = np.array([text not in spellings and text not in codes for text in texts])
    return _Checked(values=canonical[positions], empty=empty, bad=bad[positions] & ~empty)


def _check_time(column: Column, values: pd.Series[Any], training: bool) -> _Checked:
    empty, exempt = values.isna().to_numpy(), np.zeros(len(values), np.bool_)
    if column.missing:
        positions, texts, empty = _distinct(values, level_text)
        exempt = pd.Series(texts).isin(list(text_codes(column))).to_numpy()[positions]
        values = values.mask(exempt)
    elif values.dtype.kind == "O":
        empty = empty | (values.astype(object).map(str).str.strip() == "").to_numpy(np.bool_)
    times, doubt = parse_times(values, column.format).to_numpy(), ""
    # ISO 8601 needs no format, and to look for one takes longer than to read the times
    if column.format is None and (np.isnat(times) & ~empty & ~exempt).any():
        try:
            times = parse_times(values, time_format(values)).to_numpy()
        except TimeFormatError as error:
            times, doubt = np.full(len(values), "NaT", "datetime64[us]"), str(error)
    return _Checked(values=times, empty=empty, bad=np.isnat(times) & ~empty & ~exempt, doubt=doubt)


def _check_numbers(column: Column, values: pd.Series[Any], training: bool) -> _Checked:
    cells = values.to_numpy(object)
    empty = np.array([not is_list(cell) and (pd.isna(cell) or cell == "") for cell in cells], np.bool_)
    found, notes = np.full(len(cells), None, object), dict[int, str]()
    bad = np.zeros(len(cells), np.bool_)
    for row in np.flatnonzero(~empty).tolist():
        numbers = numbers_of(cells[row])
        if numbers is None or not 1 <= len(numbers) <= (column.most_numbers or 0):
            bad[row] = True
            notes[row] = "it is no list" if numbers is None else f"it has {len(numbers):,}"
        elif (place := first_wrong(numbers, positive=column.positive_numbers)) is not None:
            bad[row], notes[row] = True, f"number {place + 1} of it is {numbers[place]:g}"
        found[row] = numbers
    return _Checked(values=found, empty=empty, bad=bad, notes=notes)


_CHECKS: dict[Kind, Callable[[Column, pd.Series[Any], bool], _Checked]] = {
    "number": _check_number,
    "category": _check_text,
    "flag": _check_flag,
    "key": _check_text,
    "time": _check_time,
    "text": _check_text,
    "numbers": _check_numbers,
}
_EMPTY: dict[Kind, tuple[Any, Any]] = {
    "number": (np.nan, np.float64),
    "category": (None, object),
    "flag": (None, object),
    "key": (None, object),
    "time": (np.datetime64("NaT"), "datetime64[us]"),
    "text": (None, object),
    "numbers": (None, object),
}
