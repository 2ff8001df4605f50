"""Backfill: past events stored as history for windows to see, without answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from data.arrays import Integers
from data.table import Table
from models.records.events.event_log import EventLog
from models.records.outcomes.ledger import Outcome
from models.registry.database import schema as tables
from models.registry.database.engine import take_stock

ROWS_AT_ONCE = 5_000
STORED = (tables.events, tables.event_entities, tables.event_labels)


def load_past(
    log: EventLog,
    frame: pd.DataFrame,
    labels: Integers,
    *,
    label_delay_days: float,
    watcher: Callable[[int], object] | None = None,
) -> int:
    """Store the past rows within reach of windows; loading a row again changes nothing.

    Parameters
    ----------
    frame : as `data.checking.checked_frame` gives it. labels : 1 for positive, shape (n_rows,).
    label_delay_days : how long after its event a label is known.
    watcher : called after each part with its number of rows.

    Returns
    -------
    the number of new rows.
    """
    if len(frame) == 0:
        return 0
    seconds = frame[log.time_name].to_numpy("datetime64[s]").astype("int64")
    kept = seconds >= log.keep_up_to(int(seconds.max()))
    frame, labels, known = frame[kept], labels[kept], seconds[kept] + round(label_delay_days * 86_400)
    n_new = 0
    for number, start in enumerate(range(0, len(frame), ROWS_AT_ONCE)):
        part = slice(start, start + ROWS_AT_ONCE)
        rows = plain_rows(log.table, frame.iloc[part])
        known_positives = [
            Outcome(str(row[log.event_name]), True, datetime.fromtimestamp(since, UTC), "history")
            for row, positive, since in zip(rows, labels[part].tolist(), known[part].tolist(), strict=True)
            if positive
        ]
        n_new += log.load(rows, known_positives)
        if number & (number - 1) == 0:  # after 1, 2, 3, 5, 9, ... parts, when the tables have about doubled
            take_stock(log.engine, STORED)
        if watcher is not None:
            watcher(len(rows))
    take_stock(log.engine, STORED)
    return n_new


def plain_rows(table: Table, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The inputs of a checked frame's rows as plain values, None for missing ones."""
    columns = {column.name: frame[column.name].to_numpy() for column in table.inputs if column.name in frame}
    values = []
    for column in columns.values():
        plain = column.astype(object)  # datetime64[us] becomes Python's datetime
        plain[pd.isna(column)] = None
        values.append(plain.tolist())
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]
