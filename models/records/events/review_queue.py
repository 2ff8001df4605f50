"""ReviewQueue: the alerts of a live model, worst first, and the verdicts on them.

A verdict closes an alert and labels each of its stored events: confirmed means positive, cleared negative, and unsure
gives no label. A later verdict replaces the one before: its labels hold from then on, or those of the one before are
retracted. Repeating a verdict changes nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, Field

from models.clock import Clock
from models.contract import LiveModel
from models.errors import NoQueueError, UnknownAlertError
from models.records.events.alert_views import Alert, GivenVerdict, Status, Verdict, alert_view, events_of
from models.records.outcomes.events import EVENTS, add_labels
from models.records.outcomes.ledger import Outcome, Value
from models.registry.database import schema as tables
from models.registry.database.engine import lock_key, reading, recording

_alerts = tables.alerts
_LABEL_OF: dict[Verdict, bool | None] = {"confirmed": True, "cleared": False, "unsure": None}
MAX_NUMBER = 2**63 - 1


class Alerts(BaseModel):
    """Alerts of one status, the highest expected loss first."""

    n_open: int = Field(description="How many alerts are open in all.")
    alerts: list[Alert]


class ReviewQueue:
    """The alerts of one live model.

    Parameters
    ----------
    engine : see `models.registry.database.engine.open_database`.
    live : the model; its policy sets how long cleared subjects are snoozed.
    now : clock for verdicts.

    Raises NoQueueError for a model without a queue, and DatabaseError from any method if the database fails.
    """

    def __init__(self, engine: sa.Engine, live: LiveModel, now: Clock) -> None:
        if live.queue is None:
            raise NoQueueError(live.name)
        self._engine, self._live, self._queue, self._now = engine, live, live.queue, now

    def alerts(self, status: Status, limit: int) -> Alerts:
        """The alerts of a status, at most `limit`."""
        ours = _alerts.c.model == self._live.name
        wanted = (
            sa.select(_alerts)
            .where(ours, _alerts.c.status == status)
            .order_by(_alerts.c.expected_loss.desc(), _alerts.c.id)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            n_open = sa.select(sa.func.count()).select_from(_alerts).where(ours, _alerts.c.status == "open")
            return Alerts(
                n_open=connection.execute(n_open).scalar_one(),
                alerts=[self._view(connection, row) for row in connection.execute(wanted).mappings().all()],
            )

    def alert(self, number: int) -> Alert:
        """One alert; UnknownAlertError if there is none of that number."""
        with reading(self._engine) as connection:
            return self._view(connection, self._row(connection, number))

    def decide(self, number: int, verdict: Verdict, *, by: str, note: str) -> Alert:
        """Close an alert, or replace its verdict; returns the updated alert.

        Parameters
        ----------
        by : the reviewer. note : the reason.

        Raises UnknownAlertError if there is no alert of that number.
        """
        with reading(self._engine) as connection:
            key = self._lock_of(self._row(connection, number))
        # blocks events of the subject: they either join the alert before the verdict, or see the verdict
        with recording(self._engine, {key}) as connection:
            row = self._row(connection, number, locked=True)
            if row["status"] != verdict:
                given = GivenVerdict(verdict=verdict, by=by, note=note, at=self._now())
                self._store(connection, number, given)
                row = self._row(connection, number)
            return self._view(connection, row)

    def _store(self, connection: sa.Connection, number: int, given: GivenVerdict) -> None:
        """Store a verdict with its effect on the alert and the labels it gives."""
        connection.execute(
            _alerts.update()
            .where(_alerts.c.id == number)
            .values(status=given.verdict, closed=given.at, snoozed_until=self._snoozed_until(given))
        )
        connection.execute(tables.alert_verdicts.insert().values(alert=number, **given.model_dump()))
        add_labels(connection, self._live.name, self._labels(connection, number, given), now=given.at)

    def _labels(self, connection: sa.Connection, number: int, given: GivenVerdict) -> list[Outcome]:
        """The labels from a verdict for the alert's events; unsure retracts those of verdicts, and no others."""
        positive, model = _LABEL_OF[given.verdict], self._live.name
        says: dict[str, Value | None] = dict.fromkeys(events_of(connection, number), positive)
        if positive is None:
            before = EVENTS.latest(connection, model, says)
            others = EVENTS.latest(connection, model, says, without="verdict")
            by_verdict = [event_id for event_id, label in before.items() if label.source == "verdict"]
            says = {event_id: others[event_id].value if event_id in others else None for event_id in by_verdict}
        return [Outcome(event_id, value, given.at, "verdict") for event_id, value in says.items()]

    def _snoozed_until(self, given: GivenVerdict) -> datetime | None:
        hours: float = getattr(self._live.policy, self._queue.snooze_hours)
        return given.at + timedelta(hours=hours) if given.verdict == "cleared" else None

    def _row(self, connection: sa.Connection, number: int, *, locked: bool = False) -> sa.RowMapping:
        row = None
        if 0 < number <= MAX_NUMBER:
            wanted = sa.select(_alerts).where(_alerts.c.model == self._live.name, _alerts.c.id == number)
            found = connection.execute(wanted.with_for_update() if locked else wanted)  # else retention may delete it
            row = found.mappings().first()
        if row is None:
            raise UnknownAlertError(self._live.name, number)
        return row

    def _lock_of(self, row: sa.RowMapping) -> int:
        """The lock key of the alert's subject, or of its event without a subject."""
        subject = self._live.table.subject
        if subject is None or row["subject"] is None:
            return lock_key(self._live.name, row["worst_event"])
        return lock_key(self._live.name, subject.name, row["subject"])

    def _view(self, connection: sa.Connection, row: Any) -> Alert:
        return alert_view(connection, self._live.table, self._queue, row)
