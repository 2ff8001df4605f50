"""Performance of the answers to stored events, by matured labels and by all labels so far."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from pydantic import BaseModel, Field

from models.contract import LiveModel, Queue
from models.decisions.alerts.matured_labels import MaturedFigures, label_clock
from models.decisions.alerts.transactions import Transactions
from models.errors import NoQueueError
from models.records.outcomes.events import known_positives
from models.registry.database import schema as tables
from models.registry.database.engine import reading

_events = tables.events


class LiveFigures(BaseModel):
    """Performance of the answers to stored events; loaded history was not scored and does not count."""

    model: str
    since: datetime | None = Field(description="Time of the first counted event, in UTC; null for none.")
    n_days: int = Field(description="Days (UTC) with counted events.")
    alerts_per_day: float | None = Field(description="Subjects, such as cards, reviewed or blocked on an average day.")
    clock: MaturedFigures


def live_figures(
    engine: sa.Engine, live: LiveModel, *, now: datetime, k: int, days: float | None = None
) -> LiveFigures:
    """Evaluate the stored answers, of all versions and policies.

    Parameters
    ----------
    live : the live version, whose table names the columns of subject and amount.
    now : with a time zone. Later events and labels are left out.
    k : subjects per day, for subject precision.
    days : length of the period; None for all stored events.

    Raises
    ------
    NoQueueError
        The model has no review queue, or does not store events.
    DatabaseError
        The database fails.
    """
    if live.queue is None:
        raise NoQueueError(live.name)
    since = None if days is None else int((now - timedelta(days=days)).timestamp())
    seconds = int(now.timestamp())
    with reading(engine) as connection:
        # from the events, not from the audit log: that may be sampled or off, and every alert must count
        found = connection.execute(_answered(live, live.queue, since, seconds)).all()
        positives = set(connection.execute(known_positives(live.name, now)).scalars())
    ids, times, subjects, amounts, scores, decisions = zip(*found, strict=True) if found else ((),) * 6
    labels = np.array([event_id in positives for event_id in ids], np.int64)
    moments = np.array(times, "datetime64[s]")
    transactions = Transactions.of(live.table, _frame(live, moments, subjects, amounts), labels)
    alerted = np.isin(np.array(decisions, np.str_), [live.queue.reviewed, live.queue.blocked])
    subject_days = transactions.subject_days
    return LiveFigures(
        model=live.name,
        since=datetime.fromtimestamp(min(times), UTC) if found else None,
        n_days=subject_days.n_days,
        alerts_per_day=float(subject_days.any_of(alerted).sum() / subject_days.n_days) if found else None,
        clock=label_clock(
            transactions,
            moments,
            np.array(scores, np.float64),
            alerted,
            now=now,
            label_delay_days=live.table.label_delay_days,
            k=k,
        ),
    )


def _answered(live: LiveModel, queue: Queue, since: int | None, until: int) -> sa.Select[Any]:
    """The statement for answered events: id, time, subject, amount, probability and decision."""
    row, answer = _json(_events.c.row), _json(_events.c.answer)
    subject, amount = live.table.subject, live.table.amount
    statement = sa.select(
        _events.c.event_id,
        _events.c.time,
        sa.null() if subject is None else row[subject.name].as_string(),
        sa.null() if amount is None else row[amount.name].as_float(),
        answer[queue.probability].as_float(),
        answer["decision"].as_string(),
    ).where(_events.c.model == live.name, _events.c.answer.is_not(None), _events.c.time <= until)
    return statement if since is None else statement.where(_events.c.time >= since)


def _json(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """A column of JSON texts, parsed by the database: parsing it in Python takes several times as long."""
    text = sa.cast(column, sa.JSON().with_variant(sa.Text(), "sqlite"))
    return sa.type_coerce(text, sa.JSON())


def _frame(live: LiveModel, moments: Any, subjects: Any, amounts: Any) -> pd.DataFrame:
    """The columns that `Transactions` reads."""
    table = live.table
    assert table.time is not None  # noqa: S101 - see Table: it has windows
    values = {table.time.name: moments}
    if table.subject is not None:
        values[table.subject.name] = np.array(subjects, object)
    if table.amount is not None:
        values[table.amount.name] = np.array(amounts, np.float64)
    return pd.DataFrame(values)
