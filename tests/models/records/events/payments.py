"""A small table of payments, and a stream of them whose answers a test decides."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa

from data.column import Column
from data.table import Table
from data.window import Window
from models.contract import LiveModel, Reason
from models.domains._discovery import load_domains
from models.domains.fraud import FraudPolicy
from models.domains.fraud.answer import FraudAnswer
from models.records.events.alert_desk import alert_intake_of
from models.records.events.event_log import EventLog
from models.records.events.review_queue import ReviewQueue

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def window(name: str, **parts: Any) -> Column:
    return Column(name=name, description=name, kind="number", optional=True, window=Window(days=1, **parts))


TABLE = Table(
    name="payments",
    description="Card payments.",
    columns=(
        Column(name="id", description="Id of the payment", kind="key", role="event"),
        Column(name="at", description="Time of the payment", kind="time", role="time"),
        Column(name="card", description="Card", kind="key", role="entity", optional=True),
        Column(name="shop", description="Shop", kind="key", role="entity"),
        Column(name="eur", description="Amount", kind="number", unit="EUR", amount=True, optional=True),
        window("card_count_1d", entity="card", measure="count"),
        window("shop_risk_1d", entity="shop", measure="risk", label_delay_days=0),
        Column(name="fraud", description="Fraud", kind="flag", role="target"),
    ),
)

LATE = TABLE.with_columns(
    {"shop_risk_1d": {"window": Window(days=1, entity="shop", measure="risk", label_delay_days=7)}}
)
"""The same, with labels that come in seven days later."""


@dataclass
class HandClock:
    """A clock that stands where it is put."""

    moment: datetime = NOON

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, **parts: float) -> None:
        self.moment += timedelta(**parts)


@dataclass
class Payments:
    """A stream of payments to one model, and the review queue behind it."""

    engine: sa.Engine
    table: Table = TABLE
    policy: FraudPolicy = field(default_factory=FraudPolicy)
    model: str = "fraud"
    clock: HandClock = field(default_factory=HandClock)
    late_days: float = 0
    n_sent: int = 0

    def __post_init__(self) -> None:
        scorer: Any = SimpleNamespace(table=self.table, reference_row={})
        domain = load_domains()["fraud"]
        self.live = LiveModel(name=self.model, version=1, domain=domain, scorer=scorer, policy=self.policy)
        desk = alert_intake_of(self.live, self.clock)
        self.log = EventLog(
            self.engine, self.model, self.table, listener=desk, now=self.clock, late_days=self.late_days
        )
        self.queue = ReviewQueue(self.engine, self.live, self.clock)

    def send(self, decision: str, p: float = 0.5, eur: float | None = 10.0, **parts: Any) -> dict[str, Any]:
        """One payment a second after the clock's moment that is answered so; returns the answer as sent."""
        return self.send_all([self.payment(decision, p, eur, **parts)])[0]

    def payment(
        self, decision: str, p: float = 0.5, eur: float | None = 10.0, rules: Sequence[str] = (), **row: Any
    ) -> tuple[dict[str, Any], FraudAnswer]:
        """A payment and its answer."""
        self.n_sent += 1
        name = f"{self.model}-{self.n_sent}"
        values = {"id": name, "at": self.clock().replace(tzinfo=None), "card": "C1", "shop": "S1", "eur": eur} | row
        answer = FraudAnswer(
            prediction_id=name,
            model=self.model,
            version=1,
            policy_version=0,
            fraud_probability=p,
            anomaly_score=0,
            decision=decision,  # type: ignore[arg-type]  # a test's own
            rules=list(rules),
            reasons=[Reason(column="eur", text="Much money", value=eur, typical=5, effect=1)],
        )
        return values, answer

    def send_all(self, payments: Sequence[tuple[dict[str, Any], FraudAnswer]]) -> list[dict[str, Any]]:
        """Several payments in one transaction."""
        rows, answers = zip(*payments, strict=True)
        found = self.log.answer(rows, lambda _rows, places: [answers[place] for place in places])
        return [json.loads(str(answer)) for answer in found]

    def stored(self, table: sa.Table) -> list[dict[str, Any]]:
        """All rows of a table of the database that are the model's."""
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(table).where(table.c.model == self.model)).mappings()
            return [dict(row) for row in rows]
