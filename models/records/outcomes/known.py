"""What became of recorded predictions, whether outcomes are sent for predictions or labels for their events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeAlias

import sqlalchemy as sa

from data.column import level_text
from data.table import Table
from models.records.audit_log.log import PredictionLog
from models.records.audit_log.record import Prediction
from models.records.outcomes.events import EVENTS, stored_events
from models.records.outcomes.ledger import Value
from models.records.outcomes.predictions import PREDICTIONS
from models.registry.database.engine import reading

OutcomeInOrder: TypeAlias = tuple[str, Value | None]
"""Id of a prediction, and its outcome, None if unknown."""
AT_ONCE = 5_000
"""Predictions looked up together, so that a long audit log never has to fit into memory."""


def with_outcomes(
    engine: sa.Engine, model: str, table: Table, predictions: Iterable[Prediction], *, now: datetime
) -> Iterator[tuple[Prediction, Value | None]]:
    """Recorded predictions in their order, each with the outcome known at a time; None where it is unknown.

    A prediction about an event counts as negative without a positive label, once it is older than the label delay. Its
    outcome is unknown until then, and after the event has been deleted, and if the audit log does not store event ids.

    Parameters
    ----------
    table : of the live version of the model.
    """
    known_of = _of_events if table.windows else _of_predictions
    rest = iter(predictions)
    while some := list(islice(rest, AT_ONCE)):
        known = known_of(engine, model, table, some, now)
        yield from ((one, known.get(one.id)) for one in some)


def outcomes_in_order(
    engine: sa.Engine, model: str, table: Table, *, since: datetime, now: datetime
) -> Iterator[OutcomeInOrder]:
    """The predictions from a time on, in their order, each with its outcome; None where it is unknown.

    A sequential test processes outcomes one after the other, in an order that must not depend on them. Events all
    mature at the same age: younger ones are left out, and those whose event is deleted, which says nothing of their
    outcome either.
    """
    log = PredictionLog(engine)
    if table.windows:
        matured = log.predictions(model, since=since, until=now - timedelta(days=table.label_delay_days))
        for one, value in with_outcomes(engine, model, table, matured, now=now):
            if value is not None:
                yield one.id, value
        return
    rest = log.ids(model, since=since, until=now + timedelta(milliseconds=1))  # those of this moment, too
    while ids := list(islice(rest, AT_ONCE)):
        with reading(engine) as connection:
            known = PREDICTIONS.values(connection, model, ids, until=now)
        yield from ((one, known.get(one)) for one in ids)


def _of_predictions(
    engine: sa.Engine, model: str, table: Table, some: Sequence[Prediction], now: datetime
) -> dict[str, Value]:
    with reading(engine) as connection:
        return PREDICTIONS.values(connection, model, [one.id for one in some], until=now)


def _of_events(
    engine: sa.Engine, model: str, table: Table, some: Sequence[Prediction], now: datetime
) -> dict[str, Value]:
    if table.event is None or table.event.stored != "plain":
        return {}
    name, mature = table.event.name, now - timedelta(days=table.label_delay_days)
    # rows of earlier versions may lack the column: their tables may have been others
    events = {one.id: level_text(one.row[name]) for one in some if one.at < mature and name in one.row}
    with reading(engine) as connection:
        stored = stored_events(connection, model, events.values())
        labels = EVENTS.values(connection, model, stored, until=now)
    # labels are deleted with their event: without the event, no label does not mean that it was negative
    return {one: bool(labels.get(event)) for one, event in events.items() if event in stored}
