"""Labels: the outcomes of events, as they become known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import sqlalchemy as sa

from data.windows import FOREVER
from models.registry.database import schema as tables
from models.registry.database.engine import parts_of, writing

Source: TypeAlias = Literal["history", "feedback", "verdict"]


@dataclass(frozen=True, kw_only=True)
class Label:
    """The outcome of an event, known from a time in whole seconds on; None retracts earlier labels."""

    event_id: str
    positive: bool | None
    known: int
    source: Source


_events, _labels = tables.events, tables.event_labels
_LABELS = (
    sa.select(_labels.c.event_id, _labels.c.positive, _labels.c.known, _labels.c.source)
    .where(_labels.c.model == sa.bindparam("model"), _labels.c.event_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(_labels.c.id)
)
_KNOWN = (
    sa.select(_events.c.event_id, _labels.c.positive)
    .join_from(
        _events,
        _labels,
        sa.and_(_labels.c.model == _events.c.model, _labels.c.event_id == _events.c.event_id),
        isouter=True,
    )
    .where(_events.c.model == sa.bindparam("model"), _events.c.event_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(_labels.c.id)
)


def latest_labels(
    connection: sa.Connection, model: str, event_ids: Iterable[str], *, without: Source | None = None
) -> dict[str, Label]:
    """The latest label of each labelled event, by event id.

    Parameters
    ----------
    without : a source whose labels are ignored.
    """
    latest: dict[str, Label] = {}
    for ids in parts_of(list(dict.fromkeys(event_ids))):
        found = connection.execute(_LABELS, {"model": model, "ids": ids}).mappings()
        latest |= {row["event_id"]: Label(**row) for row in found if row["source"] != without}
    return latest


def known_positives(model: str, now: int) -> sa.Select[Any]:
    """The statement for the ids of events known to be positive at a time in whole seconds."""
    last = (
        sa.select(sa.func.max(_labels.c.id))
        .where(_labels.c.model == model, _labels.c.known <= now)
        .group_by(_labels.c.event_id)
    )
    return sa.select(_labels.c.event_id).where(_labels.c.id.in_(last), _labels.c.positive.is_(True))


def add_labels(connection: sa.Connection, model: str, labels: Sequence[Label]) -> int:
    """Add the new labels of stored events, in their order; returns their number.

    A label that repeats the present one changes nothing, not even the time from which it is known. Labels of events
    that are not stored, or no longer, are left out: no window would ever see them.
    """
    return _add(connection, model, labels, _said_of_stored(connection, model, labels))


def take_labels(engine: sa.Engine, model: str, labels: Sequence[Label]) -> tuple[int, list[str]]:
    """Add labels in one transaction, see `add_labels`.

    Returns
    -------
    the number of new labels, and the ids without a stored event.
    """
    with writing(engine) as connection:
        said = _said_of_stored(connection, model, labels)
        n_new = _add(connection, model, labels, said)
    return n_new, [event_id for event_id in dict.fromkeys(label.event_id for label in labels) if event_id not in said]


def _said_of_stored(connection: sa.Connection, model: str, labels: Sequence[Label]) -> dict[str, bool | None]:
    """The present label of each stored event among these."""
    said: dict[str, bool | None] = {}
    for ids in parts_of(list(dict.fromkeys(label.event_id for label in labels))):
        known = connection.execute(_KNOWN, {"model": model, "ids": ids})
        said |= {event.event_id: event.positive for event in known}
    return said


def _add(connection: sa.Connection, model: str, labels: Sequence[Label], said: Mapping[str, bool | None]) -> int:
    latest, new = dict(said), []
    for label in labels:
        if label.event_id in latest and latest[label.event_id] != label.positive:
            latest[label.event_id] = label.positive
            new.append(
                {
                    "model": model,
                    "event_id": label.event_id,
                    "positive": label.positive,
                    "known": label.known,
                    "source": label.source,
                }
            )
    if new:
        connection.execute(_labels.insert(), new)
    return len(new)


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
