"""The rows that a version answered lately, read back from the audit log: all, or so many, evenly drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa

from data.spellings import flag_spellings, value_text
from data.table import Column, level_text
from models.contract import Live
from models.database import reading
from models.drift.psi import Floats
from models.drift.reference import compared_columns
from models.predictions import tables
from models.predictions.audit_settings import share_of
from models.predictions.prediction_log import RECORDS_AT_ONCE, PredictionLog
from models.predictions.record import BATCH, SCORE, Prediction, milliseconds

MOST_ROWS = 50_000
"""More rows would narrow the bands to less than anybody acts upon."""
MOST_BYTES = 128_000_000
"""Of requests and answers that are read for them."""
ROWS_AT_ONCE, BYTES_AT_ONCE = 500, 2_000_000
"""That are held in memory as they were stored."""
SLOTS = 9_973
"""Requests are drawn by the millisecond in which they came, modulo this prime: that stands in the index, so that those
that are not drawn are not read, and it knows nothing of days or of clocks that tick in rounder steps."""

_predictions = tables.predictions
Times = npt.NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class RecentRows:
    """Answered rows in the order of time.

    Parameters
    ----------
    frame : the compared columns, as `data.checking.check_frame` gives them; n_rows rows.
    scores : their probabilities, shape (n_rows,).
    times : when their requests came, UTC, shape (n_rows,).
    share : about which share they are of all such rows.
    """

    frame: pd.DataFrame
    scores: Floats
    times: Times
    share: float


def recent_rows(
    log: PredictionLog, live: Live, *, since: datetime, until: datetime, most_rows: int = MOST_ROWS
) -> RecentRows:
    """The rows that this version answered to requests from `since` on and before `until`, by `score` and `batch`.

    Of more than about `most_rows` each has the same chance to be among those drawn, and the same ones are drawn again.
    """
    drawn = _draw(log.engine, live, milliseconds(since), milliseconds(until), most_rows)
    columns = compared_columns(live.table)
    parts: list[RecentRows] = []
    some: list[Prediction] = []
    for one in log.predictions(live.name, since=since, until=until, only=drawn.only, at_once=drawn.at_once):
        if drawn.of_rows < 1 and share_of(one.id, "drift") >= drawn.of_rows:
            continue
        some.append(one)
        if len(some) == ROWS_AT_ONCE:
            parts.append(_part(columns, live.domain.probability, some))
            some = []
    if some or not parts:
        parts.append(_part(columns, live.domain.probability, some))
    return RecentRows(
        pd.concat([part.frame for part in parts], ignore_index=True),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.times for part in parts]),
        share=drawn.of_requests * drawn.of_rows,
    )


@dataclass(frozen=True)
class _Drawn:
    """Which share of the requests is read, how many at a time, and which share of their rows is taken."""

    only: Sequence[sa.ColumnElement[bool]]
    of_requests: float
    at_once: int
    of_rows: float


def _draw(engine: sa.Engine, live: Live, since: int, until: int, most_rows: int) -> _Drawn:
    """Requests with room enough in them; those of other versions are known only when a request has been found."""
    in_window = sa.and_(_predictions.c.model == live.name, _predictions.c.at >= since, _predictions.c.at < until)
    wanted = [
        _predictions.c.version == live.version,
        _predictions.c.role.in_(("champion", "canary")),
        _predictions.c.action.in_((SCORE, BATCH)),
    ]
    count, n_rows, n_bytes = sa.func.count(), _sum(_predictions.c.n_rows), _sum(_predictions.c.n_bytes)
    with reading(engine) as connection:
        found, found_bytes = connection.execute(sa.select(count, n_bytes).where(in_window)).one()
        n_slots = _slots(SLOTS * _room(most_rows, found, int(found_bytes)))
        while True:
            only = wanted if n_slots == SLOTS else [_predictions.c.at % SLOTS < n_slots, *wanted]
            query = sa.select(count, n_rows, n_bytes).where(in_window, *only)
            read, read_rows, read_bytes = map(int, connection.execute(query).one())
            room = _room(most_rows, read_rows, read_bytes)
            if n_slots == SLOTS or room < 2:
                break
            n_slots = _slots(n_slots * room)
    return _Drawn(
        only,
        of_requests=n_slots / SLOTS,
        at_once=max(1, min(RECORDS_AT_ONCE, BYTES_AT_ONCE * read // max(read_bytes, 1))),
        of_rows=min(1.0, most_rows / max(read_rows, 1)),
    )


def _sum(column: sa.Column[int]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(column), 0)


def _room(most_rows: int, n_rows: int, n_bytes: int) -> float:
    """How many times as much there is room for."""
    return min(most_rows / max(n_rows, 1), MOST_BYTES / max(n_bytes, 1))


def _slots(wanted: float) -> int:
    return max(1, min(SLOTS, int(wanted)))


def _part(columns: Sequence[Column], probability: str, some: Sequence[Prediction]) -> RecentRows:
    cells = {column.name: _cells(column, [one.row.get(column.name) for one in some]) for column in columns}
    frame = pd.DataFrame({name: pd.Series(values, dtype=values.dtype) for name, values in cells.items()})
    scores = np.array([one.answer[probability] for one in some], np.float64)
    times = np.array([one.at.replace(tzinfo=None) for one in some], "datetime64[ms]")
    return RecentRows(frame, scores, times, share=1.0)


def _cells(column: Column, stored: Sequence[Any]) -> npt.NDArray[Any]:
    """Values of a column as a checked frame holds them: checked requests hold others only in how they are spelled."""
    if column.kind == "number":
        return np.array(stored, np.float64)  # None becomes NaN
    texts: dict[Any, str | None] = {None: None}  # equal texts are one object
    if column.kind == "flag":
        spellings = flag_spellings(column)
        return np.array(
            [texts.setdefault(_key(v), v if v is None else spellings[value_text(v)]) for v in stored], object
        )
    return np.array([texts.setdefault(_key(v), level_text(v)) for v in stored], object)


def _key(value: Any) -> Any:
    """Tells true from 1, which are equal."""
    return (value,) if isinstance(value, bool) else value
