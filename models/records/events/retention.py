"""Retention of events: those out of reach of every window are deleted."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from models.records.events.entity_series import series_of_model
from models.records.events.event_json import row_of
from models.registry.database import schema as tables

STEP_SECONDS = 60
"""Seconds of old events to collect before deleting, so that not every request has to look for some."""
MAX_AT_ONCE = 100
"""Events deleted in one transaction, plus others of the same second; small, so that no request waits for long."""

_streams, _events = tables.event_streams, tables.events
_OLD = sa.and_(_events.c.model == sa.bindparam("of_model"), _events.c.time < sa.bindparam("now"))
_LAST_TO_GO = sa.select(_events.c.time).where(_OLD).order_by(_events.c.time).limit(1).offset(MAX_AT_ONCE - 1)
_GOING = sa.select(_events.c.event_id, _events.c.time, _events.c.row).where(_OLD)
_MOVE_ON = (
    sa.update(_streams)
    .where(_streams.c.model == sa.bindparam("of_model"), _streams.c.kept_from == sa.bindparam("before"))
    .values(kept_from=sa.bindparam("now"))
)


def _one_by_one(table: sa.Table, *names: str) -> sa.Delete:
    return sa.delete(table).where(*(table.c[name] == sa.bindparam(f"of_{name}") for name in names))


_DELETE_EVENT = _one_by_one(tables.events, "model", "event_id")
_DELETE_LABELS = _one_by_one(tables.event_labels, "model", "event_id")
_DELETE_ENTITY = _one_by_one(tables.event_entities, "series", "value", "time", "event_id")


def _older(table: sa.Table) -> sa.Delete:
    return sa.delete(table).where(table.c.model == sa.bindparam("of_model"), table.c.time < sa.bindparam("now"))


_DELETE_RULE_HITS, _DELETE_ALERT_EVENTS = _older(tables.event_rule_hits), _older(tables.alert_events)
_DELETE_ALERTS = sa.delete(tables.alerts).where(
    tables.alerts.c.model == sa.bindparam("of_model"),
    sa.func.coalesce(tables.alerts.c.snoozed_until, tables.alerts.c.closed) < sa.bindparam("moment"),
)


def roll_out(connection: sa.Connection, model: str, kept_from: int, keep_from: int) -> int:
    """Delete the oldest of the model's events before `keep_from`, with their labels, if that is a minute later.

    Closed alerts of that age are deleted too, once their subject is no longer snoozed. Open ones stay, with the answer
    to their worst event.

    Parameters
    ----------
    kept_from : time from which on events are kept now.

    Returns
    -------
    time from which on they are kept afterwards; before `keep_from` if some are left for the next call.
    """
    if keep_from - kept_from < STEP_SECONDS:
        return kept_from
    last = connection.scalar(_LAST_TO_GO, {"of_model": model, "now": keep_from})
    until = keep_from if last is None else last + 1
    moved = connection.execute(_MOVE_ON, {"of_model": model, "before": kept_from, "now": until})
    if moved.rowcount:  # else another process is deleting
        _delete(connection, model, until)
    return until


def _delete(connection: sa.Connection, model: str, until: int) -> None:
    for statement in (_DELETE_RULE_HITS, _DELETE_ALERT_EVENTS):
        connection.execute(statement, {"of_model": model, "now": until})
    connection.execute(_DELETE_ALERTS, {"of_model": model, "moment": datetime.fromtimestamp(until, UTC)})
    old = connection.execute(_GOING, {"of_model": model, "now": until}).all()
    if not old:
        return
    ids = [{"of_model": model, "of_event_id": event.event_id} for event in old]
    connection.execute(_DELETE_EVENT, ids)
    connection.execute(_DELETE_LABELS, ids)
    series = series_of_model(connection, model)
    entities = []
    for event in old:
        row = row_of(event.row)
        for one, number in series.items():
            if (value := one.value(row)) is not None:
                place = {"of_series": number, "of_value": value, "of_time": event.time}
                entities.append({**place, "of_event_id": event.event_id})
    if entities:
        connection.execute(_DELETE_ENTITY, entities)
