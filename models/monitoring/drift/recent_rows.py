"""Recently answered rows of a version from the audit log: all, or a uniform sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.column import Column, level_text
from data.spellings import flag_spellings, value_text
from models.arrays import Floats
from models.contract import LiveModel
from models.monitoring.drift.reference import compared_columns
from models.records.audit_log.log import PredictionLog
from models.records.audit_log.record import BATCH, SCORE, Prediction
from models.records.audit_log.sampling import sample
from models.registry.database import schema as tables

MAX_ROWS = 50_000
"""Enough: more rows would narrow the bands beyond any use."""
ROWS_AT_ONCE = 500
"""Stored requests in memory at a time."""

_predictions = tables.predictions
Times = npt.NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class RecentRows:
    """Answered rows in time order.

    Parameters
    ----------
    frame : the compared columns, as `data.checking.check_frame` gives them; n_rows rows.
    keys : the values of the table's entities that are recorded, in these rows; hashed where they are stored so.
    scores : their scores, see `models.contract.Summary`, shape (n_rows,).
    times : of their requests, UTC, shape (n_rows,).
    share : approximate share of all such rows.
    """

    frame: pd.DataFrame
    keys: pd.DataFrame
    scores: Floats
    times: Times
    share: float


def recent_rows(
    log: PredictionLog, live: LiveModel, *, since: datetime, until: datetime, most_rows: int = MAX_ROWS
) -> RecentRows:
    """The rows that this version answered to `score` and `batch` requests from `since` to `until` (exclusive).

    Beyond about `most_rows` rows each has the same chance, and repeated calls draw the same rows.
    """
    wanted = [
        _predictions.c.version == live.version,
        _predictions.c.role.in_(("champion", "canary")),
        _predictions.c.action.in_((SCORE, BATCH)),
    ]
    sampled = sample(log.engine, live.name, wanted, since=since, until=until, most_rows=most_rows)
    columns = compared_columns(live.table)
    parts: list[RecentRows] = []
    some: list[Prediction] = []
    for one in log.predictions(live.name, since=since, until=until, only=sampled.only, at_once=sampled.at_once):
        if not sampled.takes(one.id):
            continue
        some.append(one)
        if len(some) == ROWS_AT_ONCE:
            parts.append(_part(live, columns, some))
            some = []
    if some or not parts:
        parts.append(_part(live, columns, some))
    return RecentRows(
        pd.concat([part.frame for part in parts], ignore_index=True),
        pd.concat([part.keys for part in parts], ignore_index=True),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.times for part in parts]),
        share=sampled.share,
    )


def _part(live: LiveModel, columns: Sequence[Column], some: Sequence[Prediction]) -> RecentRows:
    cells = {column.name: _cells(column, [one.row.get(column.name) for one in some]) for column in columns}
    frame = pd.DataFrame({name: pd.Series(values, dtype=values.dtype) for name, values in cells.items()})
    names = [column.name for column in live.table.of_role("entity")]
    keys = pd.DataFrame({name: pd.Series([one.row.get(name) for one in some], dtype=object) for name in names})
    scores = np.array([one.answer[live.domain.task.summary.field] for one in some], np.float64)
    times = np.array([one.at.replace(tzinfo=None) for one in some], "datetime64[ms]")
    return RecentRows(frame, keys, scores, times, share=1.0)


def _cells(column: Column, stored: Sequence[Any]) -> npt.NDArray[Any]:
    """Values of a column as in a checked frame, from which those of checked requests differ only in spelling."""
    if column.kind == "number":
        return np.array(stored, np.float64)  # None becomes NaN
    texts: dict[Any, str | None] = {None: None}  # equal texts share one object
    if column.kind == "flag":
        spellings = flag_spellings(column)
        return np.array(
            [texts.setdefault(_key(v), v if v is None else spellings[value_text(v)]) for v in stored], object
        )
    return np.array([texts.setdefault(_key(v), level_text(v)) for v in stored], object)


def _key(value: Any) -> Any:
    """A cache key that tells True from 1, which are equal."""
    return (value,) if isinstance(value, bool) else value
