"""Series: what is stored of an entity's events so that windows can look back on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from data.table import Column, Table, level_text
from data.window import OF_AMOUNTS, OF_LABELS
from data.windows import FOREVER, Events, Frauds, scale_of, whole_amounts
from models.events import tables

MOST_VALUES_AT_ONCE = 500
"""Databases bound how many values one statement may hold."""

_entities, _labels = tables.event_entities, tables.event_labels
_OF_ENTITIES = sa.and_(
    _entities.c.series == sa.bindparam("series"),
    _entities.c.value.in_(sa.bindparam("values", expanding=True)),
    _entities.c.time >= sa.bindparam("since"),
    _entities.c.time < sa.bindparam("until"),
)
_PAST = sa.select(_entities.c.value, _entities.c.time, _entities.c.amount, _entities.c.other).where(_OF_ENTITIES)
_LABELLED = (
    sa.select(_entities.c.value, _entities.c.time, _labels.c.event_id, _labels.c.fraud, _labels.c.known)
    .join(_labels, _labels.c.event_id == _entities.c.event_id)
    .where(_OF_ENTITIES, _labels.c.model == sa.bindparam("model"))
    .order_by(_labels.c.id)
)


@dataclass(frozen=True)
class Series:
    """The events of one entity column, with the columns that its windows are of.

    Parameters
    ----------
    amount : the column that windows add up; other : the one whose distinct values they count.
    reach : how many seconds before an event its windows look.
    labels : whether they look at what became of events.
    """

    entity: str
    amount: Column | None
    other: str | None
    reach: int
    labels: bool

    @classmethod
    def of(cls, table: Table, entity: str) -> Series:
        """What the table's windows over an entity need."""
        windows = [column.window for column in table.windows if column.window and column.window.entity == entity]
        amounts = {w.of for w in windows if w.of and w.measure in OF_AMOUNTS}
        others = {w.of for w in windows if w.of and w.measure == "distinct"}
        return cls(
            entity,
            table[amounts.pop()] if amounts else None,
            others.pop() if others else None,
            max(w.reach_seconds for w in windows),
            any(w.measure in OF_LABELS for w in windows),
        )

    @property
    def description(self) -> str:
        """Entity, amount with its scale, and other column: series of one description hold the same."""
        amount = f" amount {self.amount.name} * {scale_of(self.amount)}" if self.amount else ""
        return f"{self.entity}{amount}" + (f" other {self.other}" if self.other else "")

    def stored(self, event_id: str, seconds: int, row: Mapping[str, Any], number: int) -> dict[str, Any] | None:
        """The row of `event_entities` for an event; None if it has no such entity."""
        if (value := row.get(self.entity)) is None:
            return None
        return {
            "series": number,
            "value": level_text(value),
            "time": seconds,
            "event_id": event_id,
            **dict(zip(("amount", "other"), self.payload(row), strict=True)),
        }

    def payload(self, row: Mapping[str, Any]) -> tuple[int | None, str | None]:
        """What windows read of a row beside entity and time."""
        amount = int(whole_amounts(self.amount, row[self.amount.name])) if self.amount else None
        return amount, level_text(row[self.other]) if self.other else None


@dataclass(frozen=True)
class Asked:
    """A new event as windows see it: its time, and its row as checked."""

    seconds: int
    row: Mapping[str, Any]


def past_and_asked(
    connection: sa.Connection, series: Series, number: int, model: str, asked: Sequence[Asked]
) -> tuple[Events, Events]:
    """What is stored of the asked events' entities together with the asked events, and these alone.

    So events that are asked about together see each other, if they are of different seconds, in whatever order they
    come.
    """
    values = [level_text(value) if (value := one.row.get(series.entity)) is not None else None for one in asked]
    owners: dict[str | None, int] = {
        value: i for i, value in enumerate(v for v in dict.fromkeys(values) if v is not None)
    }
    others: dict[str, int] = {}
    times = [one.seconds for one in asked]
    between = {"series": number, "model": model, "since": min(times) - series.reach, "until": max(times)}
    stored = _rows(connection, _PAST, list(owners), between)
    frauds = None
    if series.labels:
        frauds = _frauds(_rows(connection, _LABELLED, list(owners), between), owners)
    new = [(value, one.seconds, *series.payload(one.row)) for value, one in zip(values, asked, strict=True)]
    return (
        _events(series, [*stored, *new], owners, others, frauds),
        _events(series, new, owners, others, None),
    )


def _rows(
    connection: sa.Connection, statement: sa.Select[Any], values: Sequence[str | None], between: Mapping[str, Any]
) -> list[Any]:
    found: list[Any] = []
    for start in range(0, len(values), MOST_VALUES_AT_ONCE):
        chunk = {"values": values[start : start + MOST_VALUES_AT_ONCE]}
        found += connection.execute(statement, {**between, **chunk}).all()
    return found


def _events(
    series: Series,
    rows: Sequence[Any],
    owners: Mapping[str | None, int],
    others: dict[str, int],
    frauds: Frauds | None,
) -> Events:
    """Rows of value, time, amount and other as arrays."""
    amounts, distinct = {}, {}
    if series.amount:
        amounts[series.amount.name] = _whole(row[2] for row in rows)
    if series.other:
        distinct[series.other] = _whole(others.setdefault(row[3], len(others)) for row in rows)
    owner, time = _whole(owners.get(row[0], -1) for row in rows), _whole(row[1] for row in rows)
    return Events(owner, time, amounts, distinct, frauds)


def _frauds(rows: Sequence[Any], owners: Mapping[str | None, int]) -> Frauds:
    """The times in which an event's latest label said fraud, from labels in the order in which they came."""
    stands: dict[str, list[int]] = {}  # by event: owner, time, since and, once it was revised, until
    found: list[list[int]] = []
    for value, time, event_id, fraud, known in rows:
        if (standing := stands.pop(event_id, None)) is not None:
            standing[3] = min(standing[3], known)
        if fraud:
            stands[event_id] = [owners[value], time, known, FOREVER]
            found.append(stands[event_id])
    columns = np.array(found, np.int64).reshape(-1, 4).T
    return Frauds(*columns)


def _whole(values: Iterable[int]) -> npt.NDArray[np.int64]:
    return np.array(list(values), np.int64)
