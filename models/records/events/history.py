"""Stored events as rows with outcomes: for training, backtests and export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from data.arrays import Integers
from data.checking import checked_frame
from data.column import level_text
from data.errors import SourceError
from data.spellings import text_codes
from data.table import Table
from data.window_events import KnownPositives, whole_seconds
from data.windows import with_windows
from models.records.events.event_json import row_of
from models.records.events.event_log import EventLog
from models.records.outcomes.events import EVENTS, times_positive
from models.registry.database import schema as tables
from models.registry.database.engine import reading

_events = tables.events


@dataclass(frozen=True, eq=False)
class StoredRows:
    """Events with a matured outcome, as rows of a file of the table.

    Parameters
    ----------
    frame : in time order, with the outcome, unchecked.
    labels : 1 for positive, shape (n_rows,).
    positives : the times at which rows became known as positive.
    answered : time of each answer, NaT for loaded history; shape (n_rows,).
    """

    frame: pd.DataFrame
    labels: Integers
    positives: KnownPositives
    answered: pd.Series[Any]


def stored_rows(log: EventLog, now: datetime) -> StoredRows:
    """The stored events older than the table's label delay: positive if the latest label says so, negative otherwise.

    Raises SourceError if there are none.
    """
    matured_before = whole_seconds(now) - round(log.table.label_delay_days * 86_400)
    events = (
        sa.select(_events)
        .where(_events.c.model == log.model, _events.c.time < matured_before)
        .order_by(_events.c.time, _events.c.event_id)
    )
    with reading(log.engine) as connection:
        found = connection.execute(events).all()
        came = [(row.id, row.flag, row.known) for row in connection.execute(EVENTS.entries(log.model, until=now))]
    if not found:
        days = f"{log.table.label_delay_days:g}"
        raise SourceError(
            f"the store of {log.model!r} holds no events older than {days} days, the label delay; "
            f"load past events with `backscore events load {log.model}`"
        )
    places = {event.event_id: place for place, event in enumerate(found)}
    is_positive = {event_id: positive for event_id, positive, _ in came}
    frame = rows_as_frame(log.table, [row_of(event.row) for event in found])
    labels = np.array([bool(is_positive.get(event.event_id)) for event in found], np.int64)
    frame[log.table.target.name] = np.array(spelled_outcomes(log.table), object)[labels]
    answered = pd.Series([None if event.answer is None else event.received for event in found])
    return StoredRows(
        frame,
        labels,
        _known([(places[event_id], *times) for event_id, *times in times_positive(came) if event_id in places]),
        pd.to_datetime(answered, utc=True),
    )


def checked_rows(log: EventLog, rows: StoredRows) -> pd.DataFrame:
    """The rows with their windows, checked like requests: levels that the table does not list are allowed."""
    checked = checked_frame(log.table, rows.frame, source_of(log.model), training=False)
    return with_windows(log.table, checked, rows.positives)


def check_features(log: EventLog) -> None:
    """SourceError if stored events lack values that a model reads."""
    personal = log.personal
    hidden = personal.features | {name: "left_out" for name in personal.keys if personal.columns[name] == "left_out"}
    if hidden:
        listed = ", ".join(f"{name!r} ({how.replace('_', ' ')})" for name, how in hidden.items())
        raise SourceError(
            f"events of {log.model!r} are not stored in full: {listed}; use a file (--data), or set stored = "
            '"plain" in the table'
        )


def with_levels_of(table: Table, frame: pd.DataFrame) -> Table:
    """The table, with levels that occur in rows added to those that its categories list."""
    listed = [column for column in table.inputs if column.kind == "category" and column.levels]
    came = {column.name: map(level_text, pd.unique(frame[column.name].dropna())) for column in listed}
    changes = {
        column.name: {"levels": (*column.levels, *sorted({*came[column.name]} - {*column.levels, *text_codes(column)}))}
        for column in listed
    }
    return table.with_columns(changes)


def source_of(model: str) -> str:
    """The stored events in words."""
    return f"stored events of {model!r}"


def _known(times: Sequence[Sequence[int]]) -> KnownPositives:
    return KnownPositives(*np.array(times, np.int64).reshape(-1, 3).T)


def rows_as_frame(table: Table, rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """The rows as columns of the table's inputs; missing values of required columns become a code for "no value"."""
    frame = pd.DataFrame(rows)
    for column in table.inputs:
        if column.default is not None:  # as in a request that lacks it
            frame[column.name] = [row.get(column.name, column.default) for row in rows]
        if column.name not in frame:
            frame[column.name] = None  # unknown to the version that answered
        if column.missing and not column.optional:
            frame[column.name] = frame[column.name].astype(object).where(frame[column.name].notna(), column.missing[0])
    return frame[[column.name for column in table.inputs]]


def spelled_outcomes(table: Table) -> tuple[Any, Any]:
    """The target's values for negative and for positive rows."""
    target = table.target
    if target.positive is None:
        spelled: tuple[Any, ...] = target.levels or (False, True)
        return spelled[0], spelled[1]
    if target.kind == "flag":
        numbers = target.flag_values
        others: list[Any] = [level for level, number in numbers.items() if number != numbers[target.positive]]
    elif target.kind == "number":
        numbers_in_bounds = (target.minimum, target.maximum, 0, 1)
        others = [n for n in numbers_in_bounds if n is not None and level_text(n) != target.positive]
    else:
        others = [level for level in target.levels if level != target.positive] or [f"not {target.positive}"]
    return others[0], target.positive
