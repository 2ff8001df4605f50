"""Outcomes of events, called labels: the latest label of an event holds, from the time it was known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from data.window_events import FOREVER, whole_seconds
from models.records.outcomes.ledger import Ledger, Outcome
from models.registry.database import schema as tables
from models.registry.database.engine import parts_of, writing

_events, _labels = tables.events, tables.event_labels
EVENTS = Ledger(
    table=_labels,
    id="event_id",
    flag="positive",
    known="known",
    source="source",
    tick=whole_seconds,
    ticks=1,
    latest_arrival_holds=True,  # who corrects a label says since when the right one was known
)


def add_labels(
    connection: sa.Connection, model: str, labels: Sequence[Outcome], *, now: datetime
) -> tuple[int, list[str]]:
    """Add the new labels of stored events, see `Ledger.add`.

    Labels of events that are not stored, or no longer, are left out: no window would ever see them.

    Returns
    -------
    the number of new labels, and the ids without a stored event.
    """
    ids = list(dict.fromkeys(one.id for one in labels))
    stored = stored_events(connection, model, ids)
    n_new = EVENTS.add(connection, model, [one for one in labels if one.id in stored], now=now)
    return n_new, [event_id for event_id in ids if event_id not in stored]


def take_labels(engine: sa.Engine, model: str, labels: Sequence[Outcome], *, now: datetime) -> tuple[int, list[str]]:
    """Add labels in a transaction of their own, see `add_labels`."""
    with writing(engine) as connection:
        return add_labels(connection, model, labels, now=now)


def stored_events(connection: sa.Connection, model: str, ids: Iterable[str]) -> set[str]:
    """Those of the ids whose events are stored."""
    stored = sa.select(_events.c.event_id).where(_events.c.model == model)
    parts = parts_of(list(dict.fromkeys(ids)))
    return {one for some in parts for one in connection.scalars(stored.where(_events.c.event_id.in_(some)))}


def latest_entries(model: str, *, until: datetime | None = None) -> sa.Select[Any]:
    """The statement for the numbers of the labels that hold, or held at a time."""
    last = sa.select(sa.func.max(_labels.c.id)).where(_labels.c.model == model).group_by(_labels.c.event_id)
    return last if until is None else last.where(_labels.c.known <= whole_seconds(until))


def known_positives(model: str, now: datetime) -> sa.Select[Any]:
    """The statement for the ids of events known to be positive at a time."""
    last = latest_entries(model, until=now)
    return sa.select(_labels.c.event_id).where(_labels.c.id.in_(last), _labels.c.positive.is_(True))


def times_positive(labels: Iterable[tuple[str, bool, int]]) -> list[tuple[str, int, int]]:
    """The periods in which the latest label of an event was positive: id, since, until.

    Parameters
    ----------
    labels : event id, whether positive, time from which it is known; in order of arrival.
    """
    standing: dict[str, int] = {}  # position of the open period
    found: list[tuple[str, int, int]] = []
    for event_id, positive, known in labels:
        if (place := standing.pop(event_id, None)) is not None:
            _, since, until = found[place]
            found[place] = (event_id, since, min(until, known))
        if positive:
            standing[event_id] = len(found)
            found.append((event_id, known, FOREVER))
    return found
