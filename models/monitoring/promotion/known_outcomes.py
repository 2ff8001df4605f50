"""Known outcomes of recorded predictions, in an order that never changes: later ones are appended.

A sequential test processes outcomes one after the other. If an outcome of today could slip in between those of
yesterday, yesterday's look would have been at another sequence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeAlias

import sqlalchemy as sa

from data.table import Table, level_text
from models.records.audit_log.log import PredictionLog
from models.records.audit_log.record import Prediction
from models.records.events.labels import latest_labels
from models.registry.database.engine import reading

KnownOutcome: TypeAlias = tuple[str, Any]
"""Id of a prediction, and its outcome."""
PREDICTIONS_AT_ONCE = 5_000


def outcomes_of_events(
    engine: sa.Engine, model: str, table: Table, *, since: datetime, now: datetime
) -> Iterator[KnownOutcome]:
    """The outcomes of predictions about events, in the order of the predictions.

    An event without a positive label counts as negative once its prediction is older than the label delay; until
    then it has no outcome. There are no outcomes if the audit log does not store event ids.

    Parameters
    ----------
    table : with an event id and a label delay.
    since : time of the first prediction.
    """
    if table.event is None or table.event.stored != "plain":
        return
    predictions = PredictionLog(engine).predictions(
        model, since=since, until=now - timedelta(days=table.label_delay_days)
    )
    while some := list(islice(predictions, PREDICTIONS_AT_ONCE)):
        yield from _labelled(engine, model, table.event.name, some)


def _labelled(engine: sa.Engine, model: str, event_name: str, some: Iterable[Prediction]) -> Iterable[KnownOutcome]:
    events = {one.id: level_text(one.row[event_name]) for one in some}
    with reading(engine) as connection:
        labels = latest_labels(connection, model, events.values())
    return [(one, event in labels and bool(labels[event].positive)) for one, event in events.items()]
