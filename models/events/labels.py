"""What became of events, as it becomes known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import sqlalchemy as sa

from models.events import tables

Source: TypeAlias = Literal["history", "feedback", "verdict"]


@dataclass(frozen=True, kw_only=True)
class Label:
    """What became of an event: fraud or not, known from a time in whole seconds on."""

    event_id: str
    fraud: bool
    known: int
    source: Source


_events, _labels = tables.events, tables.event_labels
_KNOWN = (
    sa.select(_events.c.event_id, _labels.c.fraud)
    .join_from(
        _events,
        _labels,
        sa.and_(_labels.c.model == _events.c.model, _labels.c.event_id == _events.c.event_id),
        isouter=True,
    )
    .where(_events.c.model == sa.bindparam("model"), _events.c.event_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(_labels.c.id)
)


def add_labels(connection: sa.Connection, model: str, labels: Sequence[Label]) -> int:
    """Add the labels that say something new of stored events, in their order; returns how many did.

    A label that repeats what is known of its event changes nothing: neither the label nor since when it is known. One
    of an event that is not stored, or not any more, is left out: no window would ever see it.
    """
    latest: dict[str, bool | None] = {}
    ids = list(dict.fromkeys(label.event_id for label in labels))
    for start in range(0, len(ids), 500):
        known = connection.execute(_KNOWN, {"model": model, "ids": ids[start : start + 500]})
        latest |= {event.event_id: event.fraud for event in known}
    new = []
    for label in labels:
        if label.event_id in latest and latest[label.event_id] != label.fraud:
            latest[label.event_id] = label.fraud
            new.append(
                {
                    "model": model,
                    "event_id": label.event_id,
                    "fraud": label.fraud,
                    "known": label.known,
                    "source": label.source,
                }
            )
    if new:
        connection.execute(_labels.insert(), new)
    return len(new)
