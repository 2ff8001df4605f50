"""Labels of events as tests write them: with times in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from models.records.outcomes.events import add_labels
from models.records.outcomes.ledger import Outcome


def label(event_id: object, positive: bool | None, known: float, source: str = "feedback") -> Outcome:
    return Outcome(str(event_id), positive, datetime.fromtimestamp(known, UTC), source)


def add(connection: sa.Connection, model: str, labels: Sequence[Outcome]) -> int:
    return add_labels(connection, model, labels, now=datetime.now(UTC))[0]
