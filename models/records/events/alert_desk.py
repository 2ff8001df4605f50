"""Alert intake: opens and extends alerts in the transaction that stores the event.

A reviewed or blocked event opens an alert on its subject (a card, an account), or joins the open one: a subject has at
most one. An event without a subject has an alert of its own. An alert shows its worst event, the one with
the highest expected loss: probability times amount, or the probability alone where the table names no amount.

A cleared subject is snoozed for the policy's `snooze_hours`: events to review pass, with a warning in the answer;
blocked events stay blocked and open an alert. After an unsure verdict the subject's next alert carries the events
of the one before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from data.spellings import number_codes
from data.table import Table
from models.answers.respond import respond
from models.clock import Clock
from models.contract import Answer, LiveModel, Queue, Row
from models.records.audit_log.personal import PersonalData
from models.records.events.entity_series import entity_value
from models.records.events.event_log import Arrival
from models.records.events.rule_counts import store_hits
from models.registry.database import schema as tables
from models.registry.database.engine import parts_of

OPEN, UNSURE = "open", "unsure"
"""The status of an alert without a verdict, and the verdict that settles nothing."""

_alerts, _alert_events = tables.alerts, tables.alert_events
_OF_SUBJECTS = (
    sa.select(_alerts)
    .where(_alerts.c.model == sa.bindparam("model"), _alerts.c.subject.in_(sa.bindparam("subjects", expanding=True)))
    .order_by(_alerts.c.id)
)


def alert_intake_of(live: LiveModel, now: Clock, personal: PersonalData | None = None) -> AlertIntake | None:
    """The intake of a live model's review queue; None for a model without one. `personal` as for `EventLog`."""
    if live.queue is None:
        return None
    return AlertIntake(live, live.queue, now, personal or PersonalData(live.table, b""))


def subject_of(table: Table, row: Row) -> str | None:
    """The subject of an event; None if the row or the table has none."""
    return None if table.subject is None else entity_value(row, table.subject.name)


def expected_loss(table: Table, row: Row, probability: float) -> float:
    """Probability times amount, a missing amount counting as 0; the probability if the table has no amount."""
    if table.amount is None:
        return probability
    amount = row.get(table.amount.name)
    return 0.0 if amount is None or amount in number_codes(table.amount).values() else probability * float(amount)


class AlertIntake:
    """Opens alerts for the answers of one live version; a `models.records.events.event_log.EventListener`.

    Parameters
    ----------
    now : clock for the opening of alerts and the end of snoozing.
    """

    def __init__(self, live: LiveModel, queue: Queue, now: Clock, personal: PersonalData) -> None:
        self._live, self._queue, self._now, self._personal = live, queue, now, personal

    def on_stored(self, connection: sa.Connection, arrivals: Sequence[Arrival]) -> list[Answer]:
        """Count rule hits, open or extend alerts, and pass reviewed events of snoozed subjects."""
        store_hits(connection, self._live.name, arrivals)
        queue, answers = self._queue, [arrival.answer for arrival in arrivals]
        decisions: list[str] = [getattr(answer, "decision") for answer in answers]  # noqa: B009 - see Queue
        suspicious = [i for i, decision in enumerate(decisions) if decision in (queue.reviewed, queue.blocked)]
        now, subjects = self._now(), [arrival.subject for arrival in arrivals]
        of_subjects = self._standings(connection, [arrivals[i] for i in suspicious], now)
        alone: list[_Standing] = []
        for i in suspicious:
            subject = subjects[i]
            if subject is None:
                standing = _Standing()
                alone.append(standing)
            else:
                standing = of_subjects[subject]
            if standing.cleared and decisions[i] == queue.reviewed:
                answers[i] = self._passed(answers[i], standing.cleared)
            else:
                standing.joined.append(arrivals[i])
        for standing in (*of_subjects.values(), *alone):
            if standing.joined:
                self._write(connection, standing, now)
        return answers

    def _standings(self, connection: sa.Connection, arrivals: Sequence[Arrival], now: datetime) -> dict[str, _Standing]:
        """The alerts of the subject of each of these events."""
        found = {one.subject: _Standing() for one in arrivals if one.subject is not None}
        # alerts of earlier releases have the subject as it came
        names = {one.plain_subject: one.subject for one in arrivals if one.plain_subject and one.subject}
        names |= {subject: subject for subject in found}
        for some in parts_of(list(names)):
            for alert in connection.execute(_OF_SUBJECTS, {"model": self._live.name, "subjects": some}).mappings():
                standing = found[names[alert["subject"]]]
                standing.newest = alert
                if alert["snoozed_until"] and alert["snoozed_until"] > now:
                    standing.cleared = alert
        return found

    def _passed(self, answer: Answer, cleared: sa.RowMapping) -> Answer:
        """The answer to an event of a snoozed subject."""
        queue = self._queue
        warning = (
            f"decision: {queue.passed} in place of {queue.reviewed}: the {queue.words.subject} was cleared on "
            f"{cleared['closed']:%Y-%m-%d %H:%M} (alert {cleared['id']}) and is not reviewed until "
            f"{cleared['snoozed_until']:%Y-%m-%d %H:%M} (UTC)"
        )
        return answer.model_copy(update={"decision": queue.passed, "warnings": [*answer.warnings, warning]})

    def _write(self, connection: sa.Connection, standing: _Standing, now: datetime) -> None:
        """Store the events that join the subject's open alert, or open a new one."""
        joined, before = standing.joined, standing.carried
        content = self._content(joined, before)
        if before is not None and before["status"] == OPEN:
            number = before["id"]
            connection.execute(_alerts.update().where(_alerts.c.id == number).values(content))
        else:
            number = self._open(connection, joined[0].subject, before, content, now)
        events = [{"alert": number, "event_id": one.event_id, "time": one.seconds} for one in joined]
        connection.execute(_alert_events.insert().values(model=self._live.name), events)

    def _content(self, joined: Sequence[Arrival], before: sa.RowMapping | None) -> dict[str, Any]:
        """The columns of an alert that follow from its events, new and old."""
        table, probability = self._live.table, self._queue.probability
        losses = [expected_loss(table, one.row, getattr(one.answer, probability)) for one in joined]
        worst = max(range(len(joined)), key=losses.__getitem__)
        last_event = max(one.seconds for one in joined)
        counts = {"n_events": len(joined), "last_event": last_event}
        if before is not None:
            counts = {
                "n_events": before["n_events"] + len(joined),
                "last_event": max(before["last_event"], last_event),
            }
            if losses[worst] <= before["expected_loss"]:
                return counts | {name: before[name] for name in ("expected_loss", "worst_event", "worst_answer")}
        return counts | {
            "expected_loss": losses[worst],
            "worst_event": joined[worst].event_id,
            "worst_answer": self._personal.answer_text(
                self._explained(joined[worst]).model_dump_json(), joined[worst].row
            ),
        }

    def _open(
        self,
        connection: sa.Connection,
        subject: str | None,
        before: sa.RowMapping | None,
        content: Mapping[str, Any],
        now: datetime,
    ) -> int:
        """A new alert, with the events of the one that it follows; returns its number."""
        opened = {"model": self._live.name, "subject": subject, "status": OPEN, "opened": now}
        follows = None if before is None else before["id"]
        result = connection.execute(_alerts.insert().values(**opened, follows=follows, **content))
        assert result.inserted_primary_key is not None  # noqa: S101 - one row was inserted
        number: int = result.inserted_primary_key[0]
        if follows is not None:
            names = [column.name for column in _alert_events.columns]
            carried = [sa.literal(number), *(_alert_events.c[name] for name in names[1:])]
            connection.execute(
                _alert_events.insert().from_select(names, sa.select(*carried).where(_alert_events.c.alert == follows))
            )
        return number

    def _explained(self, arrival: Arrival) -> Answer:
        """The answer with its reasons, even if the request excluded them."""
        if getattr(arrival.answer, "reasons"):  # noqa: B009 - see Queue
            return arrival.answer
        return respond(self._live, [arrival.row], [arrival.answer.prediction_id])[0]


@dataclass
class _Standing:
    """A subject's newest alert, the one that snoozes it, and the new events that join an alert."""

    newest: sa.RowMapping | None = None
    cleared: sa.RowMapping | None = None
    joined: list[Arrival] = field(default_factory=list)

    @property
    def carried(self) -> sa.RowMapping | None:
        """The alert whose events belong to the one that is written: itself if it is open, or one without a result."""
        return self.newest if self.newest and self.newest["status"] in (OPEN, UNSURE) else None
