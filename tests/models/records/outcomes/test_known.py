"""What became of predictions about events: labels of stored events that are old enough, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from models.monitoring.performance.weekly import performance
from models.records.audit_log.log import PredictionLog
from models.records.audit_log.record import milliseconds
from models.records.outcomes.known import outcomes_in_order, with_outcomes
from models.registry.database.engine import writing
from tests.models.records.audit_log.predictions import record, store
from tests.models.records.events.payments import LATE, NOON, Payments
from tests.models.records.labels import add, label

NOW = NOON + timedelta(days=10)


@pytest.fixture
def payments(engine: sa.Engine) -> Payments:
    """Payments with recorded answers: labelled, not labelled, retracted, too young, and one whose event is gone."""
    payments = Payments(engine, table=LATE, late_days=100)
    days = {"fraud": 0, "genuine": 0, "silent": 0, "retracted": 0, "young": 4, "gone": 0}
    rows = []
    for name, day in days.items():
        payments.clock.moment = NOON + timedelta(days=day)
        if name != "gone":
            payments.send("block", 0.9, id=name)
        at = milliseconds(payments.clock())
        rows.append(record(f"p-{name}", model="fraud", rows=[{"id": name, "x": 9}], at=at))
    store(PredictionLog(engine), rows)
    known = NOON.timestamp() + 60
    said = [("fraud", True), ("genuine", False), ("retracted", True), ("retracted", None), ("young", True)]
    with writing(engine) as connection:
        add(connection, payments.model, [label(*one, known) for one in said])
    return payments


def outcomes(payments: Payments, now: Any = NOW, table: Any = LATE) -> dict[str, Any]:
    recorded = PredictionLog(payments.engine).predictions("fraud")
    return {one.id: value for one, value in with_outcomes(payments.engine, "fraud", table, recorded, now=now)}


def test_an_event_without_a_positive_label_is_negative_once_it_is_old(payments: Payments) -> None:
    """Not while it is young, whatever its label says, and not once it is deleted: its label went with it."""
    assert outcomes(payments) == {
        "p-fraud": True,
        "p-genuine": False,
        "p-silent": False,
        "p-retracted": False,
        "p-young": None,
        "p-gone": None,
    }
    assert set(outcomes(payments, NOON + timedelta(days=6)).values()) == {None}


def test_without_stored_ids_nothing_is_known(payments: Payments) -> None:
    """A hash leads to no event."""
    assert set(outcomes(payments, table=LATE.with_columns({"id": {"stored": "hashed"}})).values()) == {None}


def test_outcomes_in_order_come_in_the_order_of_the_predictions(payments: Payments) -> None:
    """Since a time."""
    found = list(outcomes_in_order(payments.engine, "fraud", LATE, since=NOON, now=NOW))
    assert found == [(name, value) for name, value in sorted(outcomes(payments).items()) if value is not None]
    later = NOON + timedelta(seconds=1)
    assert list(outcomes_in_order(payments.engine, "fraud", LATE, since=later, now=NOW + timedelta(days=7))) == [
        ("p-young", True)
    ]


def test_live_performance_counts_labels(payments: Payments) -> None:
    """As many as are known, with the table's own label delay."""
    task = SimpleNamespace(**{**vars(payments.live.domain.task), "answered": lambda answer: answer["p"]})
    domain = SimpleNamespace(task=task, operations=(), favourable="")
    live: Any = SimpleNamespace(name="fraud", domain=domain, table=LATE)
    found = performance(payments.engine, live, now=NOW)
    assert found.maturity_days == 7
    assert found.total is not None
    assert (found.total.n_predictions, found.total.n_known) == (5, 4)
    assert found.total.realised.event_rate == 0.25  # type: ignore[union-attr]  # a binary task's
