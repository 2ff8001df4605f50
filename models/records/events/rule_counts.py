"""Counts of rule hits among the events of a model, and of positives among them.

A hit is written in the transaction that stores its event, so it counts once, as the event does. Hits are counted by
the rule's name: a changed rule with the same name continues the count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from pydantic import BaseModel, Field

from models.contract import LiveModel
from models.decisions.rules.conditions import Rule, rules_of
from models.decisions.rules.wording import rule_words
from models.records.events.event_log import Arrival
from models.records.outcomes.events import known_positives
from models.registry.database import schema as tables

_hits = tables.event_rule_hits


class RuleCounts(BaseModel):
    """A rule of the active policy, and the stored events that hit it."""

    rule: Rule
    condition: str = Field(description="All conditions, in words.")
    n_today: int = Field(description="Hits today (UTC).")
    n_7_days: int = Field(description="Hits in the last 7 days.")
    n_kept: int = Field(description="Hits among all stored events.")
    n_matured: int = Field(description="Hits with a matured label.")
    n_frauds: int = Field(description="Positives among `n_matured`.")


def store_hits(connection: sa.Connection, model: str, arrivals: Iterable[Arrival]) -> None:
    """Store the rule hits of new events; events without hits cost no statement."""
    hits = [
        {"model": model, "rule": rule, "time": arrival.seconds, "event_id": arrival.event_id}
        for arrival in arrivals
        for rule in getattr(arrival.answer, "rules", ())
    ]
    if hits:
        connection.execute(_hits.insert(), hits)


def rule_counts(connection: sa.Connection, live: LiveModel, now: datetime) -> list[RuleCounts]:
    """The counts of each rule of the policy, in its order.

    Parameters
    ----------
    now : with a time zone; times of events and their labels are compared with it.
    """
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    week_ago = now - timedelta(days=7)
    ripe = now - timedelta(days=live.table.label_delay_days)
    positives = known_positives(live.name, now).subquery()
    matured = _hits.c.time <= int(ripe.timestamp())
    found = connection.execute(
        sa.select(
            _hits.c.rule,
            _number_of(_hits.c.time >= int(today.timestamp())),
            _number_of(_hits.c.time >= int(week_ago.timestamp())),
            sa.func.count(),
            _number_of(matured),
            _number_of(sa.and_(matured, positives.c.event_id.is_not(None))),
        )
        .outerjoin_from(_hits, positives, positives.c.event_id == _hits.c.event_id)
        .where(_hits.c.model == live.name)
        .group_by(_hits.c.rule)
    )
    counts: dict[str, Sequence[int]] = {row[0]: row[1:] for row in found}
    names = ("n_today", "n_7_days", "n_kept", "n_matured", "n_frauds")
    return [
        RuleCounts(
            rule=rule,
            condition=rule_words(rule, live.table),
            **dict(zip(names, counts.get(rule.name, (0,) * len(names)), strict=True)),
        )
        for rule in rules_of(live.policy)
    ]


def _number_of(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))
