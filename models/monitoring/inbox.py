"""The inbox of a model: its newest answers that people are asked to label, equal rows together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, Field

from models.contract import Choice, LiveModel
from models.errors import NoInboxError
from models.records.audit_log.log import PredictionLog, actions_on_rows
from models.records.audit_log.record import Prediction, predictions_of
from models.records.outcomes.predictions import PREDICTIONS
from models.registry.database.engine import reading

MAX_LOOKED_AT = 2_000
"""Requests that are looked at, the newest."""
MAX_IDS = 200
"""Predictions of equal rows that are labelled together."""


class Item(BaseModel):
    """A row to label."""

    ids: list[str] = Field(description="Prediction IDs of equal rows, the newest first.")
    n: int = Field(description="How often it came.")
    at: datetime = Field(description="When it came last.")
    row: dict[str, Any] = Field(description="The columns that the model reads.")
    decision: str
    near: list[Choice] = Field(description="The levels that it may be, the nearest first.")
    others: list[Choice] = Field(description="All other levels.")

    @property
    def text(self) -> str:
        """The row in one line."""
        values = list(self.row.values())
        return str(values[0]) if len(values) == 1 else ", ".join(f"{name} {value}" for name, value in self.row.items())


class InboxItems(BaseModel):
    """The rows to label, the most frequent first."""

    model: str
    title: str
    items: list[Item]
    n_looked_at: int = Field(description="Recorded requests that were looked at, the newest.")
    why_empty: str = Field("", description="Why there can be none; empty if there can.")


def inbox(engine: sa.Engine, live: LiveModel, *, limit: int = 50) -> InboxItems:
    """The unlabelled answers of a model that belong into its inbox; NoInboxError if its domain has none.

    The most frequent rows come first, of those the newest.
    """
    watch = live.domain.watch
    if watch is None:
        raise NoInboxError(live.name, live.domain.name)
    if hidden := {column.name: column.stored for column in live.table.features if column.stored != "plain"}:
        told = ", ".join(f"{name} is stored {how.replace('_', ' ')}" for name, how in hidden.items())
        return InboxItems(model=live.name, title=watch.inbox.title, items=[], n_looked_at=0, why_empty=told)
    records = PredictionLog(engine).newest(live.name, MAX_LOOKED_AT)
    actions = actions_on_rows(live.domain)
    wanted = [
        one
        for record in records
        if record.role != "shadow" and record.action in actions
        for one in predictions_of(record)
        if watch.inbox.holds(one.answer)
    ]
    with reading(engine) as connection:
        known = PREDICTIONS.values(connection, live.name, [one.id for one in wanted])
    groups: dict[str, list[Prediction]] = {}
    for one in wanted:
        groups.setdefault(json.dumps(_read(live, one.row)), []).append(one)
    items = [_item(live, group) for group in groups.values() if not any(one.id in known for one in group)]
    items.sort(key=lambda item: -item.n)  # stable: the newest stay first
    return InboxItems(model=live.name, title=watch.inbox.title, items=items[:limit], n_looked_at=len(records))


def _read(live: LiveModel, row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a recorded row that the model reads."""
    return {column.name: row.get(column.name) for column in live.table.features}


def _item(live: LiveModel, group: list[Prediction]) -> Item:
    newest = group[0]
    assert live.domain.watch is not None  # noqa: S101 - see `inbox`
    choices, n_near = live.domain.watch.inbox.choices(live.table, newest.answer)
    return Item(
        ids=[one.id for one in group[:MAX_IDS]],
        n=len(group),
        at=newest.at,
        row=_read(live, newest.row),
        decision=newest.answer["decision"],
        near=list(choices[:n_near]),
        others=list(choices[n_near:]),
    )
