"""What tests of the event store share: a store on each database, and answers that tell what windows said."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from data.window_measures import window_values
from models.contract import Answer, Row
from models.records.events.event_log import EventLog
from models.registry.database import schema as tables
from tests.data.window_tables import TABLE, WINDOWS, Payment, as_events
from tests.models.records.events.payments import Payments

LATE_SECONDS = 7_200
START = datetime(2024, 3, 1)

OpenLog = Callable[..., EventLog]


class Seen(Answer):
    """An answer that holds the values of the windows."""

    seen: dict[str, float | None]


def answered(rows: Sequence[Row], places: Sequence[int]) -> list[Seen]:
    """The windows of each row as its answer, under its place as its name."""
    return [
        Seen(
            prediction_id=f"answer {place}",
            model="payments",
            version=1,
            policy_version=0,
            seen={name: row[name] for name in WINDOWS if name in row},
        )
        for row, place in zip(rows, places, strict=True)
    ]


def seen_in(text: object) -> dict[str, float | None]:
    """The values of the windows in an answer."""
    return Seen.model_validate_json(str(text)).seen


def in_bulk(rows: Sequence[Payment]) -> list[dict[str, float | None]]:
    """The windows of each row, computed for all of them at once, bit for bit as answers spell them."""
    events = {entity: as_events(list(rows), entity) for entity in ("card", "shop")}
    values = window_values(TABLE, events, events)
    return [
        {name: None if np.isnan(values[name][i]) else values[name][i].item() for name in WINDOWS}
        for i in range(len(rows))
    ]


def payment(number: int, second: float, **changes: Any) -> Payment:
    """A payment so many seconds after the start."""
    values = {"card": "a", "shop": "s", "amount": 10.0, **changes}
    return Payment(id=number, at=START + timedelta(seconds=second), **values)


@pytest.fixture
def open_log(engine: sa.Engine) -> OpenLog:
    """Opens the log of a model, a new one each time if no name is given; for its clock it is the year 2262."""
    numbers = itertools.count()

    def open_one(model: str | None = None, **changes: Any) -> EventLog:
        options = {"late_days": LATE_SECONDS / 86_400, "now": lambda: datetime(2262, 1, 1, tzinfo=UTC), **changes}
        return EventLog(
            options.pop("engine", engine), model or f"m{next(numbers)}", options.pop("table", TABLE), **options
        )

    return open_one


@pytest.fixture
def count(engine: sa.Engine) -> Callable[[], dict[str, int]]:
    """Counts the rows of the tables of events."""

    def count_all() -> dict[str, int]:
        with engine.connect() as connection:
            return {
                table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
                for table in (tables.events, tables.event_entities, tables.event_labels)
            }

    return count_all


@pytest.fixture
def payments(engine: sa.Engine) -> Payments:
    return Payments(engine)
