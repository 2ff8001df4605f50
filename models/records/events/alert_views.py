"""Alerts as reviewers see them: reasons, expected loss, recent events of the subject, and verdicts."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

import sqlalchemy as sa
from pydantic import BaseModel, Field

from data.table import Table
from models.contract import Queue
from models.records.events.event_json import row_of
from models.records.outcomes.events import EVENTS
from models.records.outcomes.ledger import Value
from models.registry.database import schema as tables

Verdict: TypeAlias = Literal["confirmed", "cleared", "unsure"]
Status: TypeAlias = Literal["open", "confirmed", "cleared", "unsure"]

MAX_RECENT = 10
"""Recent events shown with an alert."""


class GivenVerdict(BaseModel):
    """A reviewer's verdict on an alert."""

    verdict: Verdict
    by: str = Field(description="The reviewer.")
    note: str = Field(description="Why.")
    at: datetime = Field(description="When, in UTC.")


class SubjectEvent(BaseModel):
    """A stored event of a subject."""

    id: str
    time: datetime = Field(description="In UTC.")
    amount: float | None = Field(description="Null if the event or the table has none.")
    decision: str | None = Field(description="The answered decision; null for loaded history.")
    probability: float | None
    label: str | None = Field(description="Its label, in the words of the domain.")
    in_alert: bool = Field(description="Whether it belongs to the alert.")


class Alert(BaseModel):
    """An alert on one subject, such as a card."""

    id: int
    card: str | None = Field(
        description="The subject, such as a card; null for an event without one, which has an alert of its own."
    )
    status: Status
    opened: datetime = Field(description="In UTC.")
    closed: datetime | None = Field(description="When the last verdict was given, in UTC.")
    snoozed_until: datetime | None = Field(description="Until when the cleared subject is not reviewed, in UTC.")
    follows: int | None = Field(description="The subject's previous alert, if its verdict was unsure.")
    n_events: int
    last_event: datetime = Field(description="Time of its latest event, in UTC.")
    expected_loss: float = Field(
        description="Of the worst event: probability times amount, or the probability if there is no amount."
    )
    worst_event: str = Field(description="Id of the event with the highest expected loss.")
    answer: dict[str, Any] = Field(description="The answer to that event, with its reasons in words.")
    recent: list[SubjectEvent] = Field(description="The subject's last events, the newest first.")
    verdicts: list[GivenVerdict] = Field(description="Verdicts on the alert, in time order; the last one holds.")


_entities, _events, _series = tables.event_entities, tables.events, tables.event_series
_alert_events, _verdicts = tables.alert_events, tables.alert_verdicts
_OF_ENTITY = sa.select(_series.c.id).where(
    _series.c.model == sa.bindparam("model"), _series.c.entity == sa.bindparam("entity")
)


def _newest(events: sa.Select[Any]) -> sa.Select[Any]:
    return events.order_by(sa.desc("time"), sa.desc("event_id")).limit(MAX_RECENT)


_OF_ALERT = sa.select(_alert_events.c.event_id, _alert_events.c.time).where(
    _alert_events.c.alert == sa.bindparam("alert")
)
_NEWEST_OF_ALERT = _newest(_OF_ALERT)
_NEWEST_OF_SUBJECT = _newest(
    sa.select(_entities.c.event_id, _entities.c.time)
    .where(
        _entities.c.series.in_(_OF_ENTITY), _entities.c.value == sa.bindparam("subject")
    )  # a join would read all of them
    .distinct()  # versions with other windows have series of their own
)
_CONTENTS = sa.select(_events).where(
    _events.c.model == sa.bindparam("model"), _events.c.event_id.in_(sa.bindparam("ids", expanding=True))
)
_VERDICTS = (
    sa.select(_verdicts.c.verdict, _verdicts.c.by, _verdicts.c.note, _verdicts.c.at)
    .where(_verdicts.c.alert == sa.bindparam("alert"))
    .order_by(_verdicts.c.id)
)


def verdicts_on(connection: sa.Connection, alert: int) -> list[GivenVerdict]:
    """The verdicts on an alert, in time order."""
    return [GivenVerdict(**row) for row in connection.execute(_VERDICTS, {"alert": alert}).mappings()]


def events_of(connection: sa.Connection, alert: int) -> list[str]:
    """The ids of an alert's events that are stored."""
    return [row.event_id for row in connection.execute(_OF_ALERT, {"alert": alert})]


def alert_view(connection: sa.Connection, table: Table, queue: Queue, row: Mapping[str, Any]) -> Alert:
    """An alert as reviewers see it.

    Parameters
    ----------
    table : of the live version. row : of the table of alerts.
    """
    kept = {name: row[name] for name in Alert.model_fields if name in row and name != "last_event"}
    return Alert(
        **kept,
        card=row["subject"],
        last_event=_moment(row["last_event"]),
        answer=json.loads(row["worst_answer"]),
        recent=_recent(connection, table, queue, row),
        verdicts=verdicts_on(connection, row["id"]),
    )


def _recent(connection: sa.Connection, table: Table, queue: Queue, row: Mapping[str, Any]) -> list[SubjectEvent]:
    """The last events of the alert's subject; those of the alert if no window is over the subject."""
    model, of_alert = row["model"], set(events_of(connection, row["id"]))
    found = subject_events(connection, table, queue, model, row["subject"], of_alert)
    if not found:
        newest = connection.execute(_NEWEST_OF_ALERT, {"alert": row["id"]}).all()
        found = _seen(connection, table, queue, model, newest, of_alert)
    return found


def subject_events(
    connection: sa.Connection,
    table: Table,
    queue: Queue,
    model: str,
    subject: str | None,
    of_alert: Collection[str] = frozenset(),
) -> list[SubjectEvent]:
    """The last events of a subject, the newest first; none if no window is over the subject.

    Parameters
    ----------
    of_alert : ids of the events that belong to the alert.
    """
    if table.subject is None or subject is None:
        return []
    newest = connection.execute(
        _NEWEST_OF_SUBJECT, {"model": model, "entity": table.subject.name, "subject": subject}
    ).all()
    return _seen(connection, table, queue, model, newest, of_alert)


def _seen(
    connection: sa.Connection,
    table: Table,
    queue: Queue,
    model: str,
    found: Iterable[sa.Row[Any]],
    of_alert: Collection[str],
) -> list[SubjectEvent]:
    """Stored events as reviewers see them, in the given order."""
    ids = [event.event_id for event in found]
    contents = {event.event_id: event for event in connection.execute(_CONTENTS, {"model": model, "ids": ids})}
    labels = EVENTS.values(connection, model, ids)
    return [
        _subject_event(table, queue, contents[event_id], labels.get(event_id), in_alert=event_id in of_alert)
        for event_id in ids
        if event_id in contents
    ]


def _subject_event(
    table: Table, queue: Queue, event: sa.Row[Any], positive: Value | None, *, in_alert: bool
) -> SubjectEvent:
    values, answer = row_of(event.row), json.loads(event.answer) if event.answer else {}
    amount = None if table.amount is None else values.get(table.amount.name)
    return SubjectEvent(
        id=event.event_id,
        time=_moment(event.time),
        amount=amount if isinstance(amount, int | float) else None,  # a hash if it is personal
        decision=answer.get("decision"),
        probability=answer.get(queue.probability),
        label=None if positive is None else queue.words.positive if positive else queue.words.negative,
        in_alert=in_alert,
    )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
