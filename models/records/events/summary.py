"""Counts of the stored events of a model."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from models.records.events.event_json import moment
from models.records.outcomes.events import latest_entries
from models.registry.database import schema as tables
from models.registry.database.engine import reading

_events, _labels, _streams = tables.events, tables.event_labels, tables.event_streams


@dataclass(frozen=True, kw_only=True)
class StoredEvents:
    """Counts of a model's stored events and labels, and the time they span.

    Parameters
    ----------
    n_answered : events with an answer; the others are loaded history.
    first, last : times of the oldest and the newest event, ISO 8601, UTC; None without events.
    n_labels : labels in all; n_frauds : events whose latest label says positive, n_genuine : those where it does not.
    kept_from : older events have been deleted; None if none has.
    """

    n_events: int
    n_answered: int
    first: str | None
    last: str | None
    n_labels: int
    n_frauds: int
    n_genuine: int
    kept_from: str | None


def stored_events_of(engine: sa.Engine, model: str) -> StoredEvents:
    """The counts; all zero for a model without events."""
    of_events = sa.select(
        sa.func.count(), sa.func.count(_events.c.answer), sa.func.min(_events.c.time), sa.func.max(_events.c.time)
    ).where(_events.c.model == model)
    of_labels = (
        sa.select(_labels.c.positive, sa.func.count())
        .where(_labels.c.id.in_(latest_entries(model)))
        .group_by(_labels.c.positive)
    )
    n_labels = sa.select(sa.func.count()).where(_labels.c.model == model)
    with reading(engine) as connection:
        n_events, n_answered, first, last = connection.execute(of_events).one()
        by_outcome = {bool(positive): n for positive, n in connection.execute(of_labels)}
        kept_from = connection.scalar(sa.select(_streams.c.kept_from).where(_streams.c.model == model))
        return StoredEvents(
            n_events=n_events,
            n_answered=n_answered,
            first=None if first is None else moment(first),
            last=None if last is None else moment(last),
            n_labels=connection.scalar(n_labels) or 0,
            n_frauds=by_outcome.get(True, 0),
            n_genuine=by_outcome.get(False, 0),
            kept_from=None if kept_from in (None, tables.NOTHING_ROLLED_OUT) else moment(kept_from),
        )
