"""WindowReader: the stored history of new events' entities, as arrays for the computation of windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from data.arrays import Floats
from data.table import Table
from data.window import OF_LABELS
from data.window_events import Events, Positives
from data.window_measures import window_values
from models.records.audit_log.personal import PersonalData
from models.records.events.entity_series import EntitySeries
from models.records.outcomes.events import times_positive
from models.registry.database import schema as tables
from models.registry.database.engine import MAX_VALUES

_entities, _labels = tables.event_entities, tables.event_labels


@dataclass(frozen=True)
class NewEvent:
    """A new event as windows see it: its time in whole seconds, its row as checked, and its keys as stored."""

    seconds: int
    row: Mapping[str, Any]
    keys: Mapping[str, Any]


@dataclass(frozen=True)
class _Look:
    """One entity of the table: its series, and how many seconds its windows look back for events and labels."""

    series: EntitySeries
    number: int
    reach: int
    labels: bool


class WindowReader:
    """Computes the windows of new events of a model from stored events.

    Parameters
    ----------
    table : with the windows. series : their numbers, as `models.records.events.entity_series.register` gives them.
    """

    def __init__(self, table: Table, model: str, series: Mapping[EntitySeries, int], personal: PersonalData) -> None:
        self.table, self._model, self._personal = table, model, personal
        windows = [column.window for column in table.windows if column.window]
        self._looks = []
        for entity in dict.fromkeys(window.entity for window in windows):
            own = [window for window in windows if window.entity == entity]
            of_labels = any(window.measure in OF_LABELS for window in own)
            one = EntitySeries.of(table, entity)
            self._looks.append(_Look(one, series[one], max(window.reach_seconds for window in own), of_labels))
        # one statement for all entities; a single value is compared directly, without a list
        self._past = {single: _union(self._looks, _past, single) for single in (True, False)} if self._looks else {}
        with_labels = [look for look in self._looks if look.labels]
        self._labelled = {single: _union(with_labels, _labelled, single) for single in (True, False) if with_labels}

    def values(self, connection: sa.Connection, asked: Sequence[NewEvent]) -> dict[str, Floats]:
        """The windows of new events, arrays of shape (n_asked,) by column, NaN where undefined.

        Events of one call see each other if they are of different seconds, in any order.
        """
        if not self._looks:
            return {}
        values = [[look.series.value(one.keys) for one in asked] for look in self._looks]
        owners = [_numbered(of_look) for of_look in values]
        for look, of_look, numbers in zip(self._looks, values, owners, strict=True):
            # events of earlier releases are stored under the value itself
            pairs = zip((look.series.value(one.row) for one in asked), of_look, strict=True)
            numbers |= {plain: numbers[key] for plain, key in pairs if plain and key and plain != key}
        places = {look.number: place for place, look in enumerate(self._looks)}
        past: list[list[Any]] = [[] for _ in self._looks]
        for row in self._rows(connection, self._past, owners, asked):
            look = self._looks[places[row[0]]]
            past[places[row[0]]].append((*row[1:-1], self._personal.key_again(look.series.other, row[-1])))
        labelled: list[list[Any]] = [[] for _ in self._looks]
        for row in sorted(self._rows(connection, self._labelled, owners, asked) if self._labelled else []):
            labelled[places[row[1]]].append(row[2:])
        seen, new = {}, {}
        for place, look in enumerate(self._looks):
            own = [
                (value, one.seconds, *look.series.payload(one.keys))
                for value, one in zip(values[place], asked, strict=True)
            ]
            others: dict[str, int] = {}
            positives = _positives(labelled[place], owners[place]) if look.labels else None
            entity = look.series.entity
            seen[entity] = _events(look.series, [*past[place], *own], owners[place], others, positives)
            new[entity] = _events(look.series, own, owners[place], others, None)
        return window_values(self.table, seen, new)

    def _rows(
        self,
        connection: sa.Connection,
        statements: Mapping[bool, sa.CompoundSelect[Any]],
        owners: Sequence[Mapping[str, int]],
        asked: Sequence[NewEvent],
    ) -> list[Any]:
        """The rows of a statement for all owners, in parts."""
        seconds = [one.seconds for one in asked]
        earliest = min(seconds)
        between: dict[str, Any] = {"model": self._model, "until": max(seconds)}
        between |= {f"since_{look.number}": earliest - look.reach for look in self._looks}
        if all(len(of) < 2 for of in owners):
            only = {f"value_{look.number}": next(iter(of), None) for look, of in zip(self._looks, owners, strict=True)}
            return list(connection.execute(statements[True], {**between, **only}).all())
        found: list[Any] = []
        listed = [list(of_look) for of_look in owners]
        for start in range(0, max(map(len, listed)), MAX_VALUES):
            part = slice(start, start + MAX_VALUES)
            some = {f"values_{look.number}": of[part] for look, of in zip(self._looks, listed, strict=True)}
            found += connection.execute(statements[False], {**between, **some}).all()
        return found


def _union(looks: Sequence[_Look], select: Any, single: bool) -> sa.CompoundSelect[Any]:
    return sa.union_all(*(select(look, _seen(look, single)) for look in looks))


def _seen(look: _Look, single: bool) -> sa.ColumnElement[bool]:
    """The events of the new events' entities within reach of their windows."""
    value = _entities.c.value
    return sa.and_(
        _entities.c.series == sa.literal_column(str(look.number)),
        value == sa.bindparam(f"value_{look.number}")
        if single
        else value.in_(sa.bindparam(f"values_{look.number}", expanding=True)),
        _entities.c.time >= sa.bindparam(f"since_{look.number}"),
        _entities.c.time < sa.bindparam("until"),
    )


def _past(look: _Look, seen: sa.ColumnElement[bool]) -> sa.Select[Any]:
    columns = (_entities.c.value, _entities.c.time, _entities.c.amount, _entities.c.other)
    return sa.select(sa.literal_column(str(look.number)), *columns).where(seen)


def _labelled(look: _Look, seen: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return (
        sa.select(
            _labels.c.id,
            sa.literal_column(str(look.number)),
            _entities.c.value,
            _entities.c.time,
            _labels.c.event_id,
            _labels.c.positive,
            _labels.c.known,
        )
        .join_from(_entities, _labels, _labels.c.event_id == _entities.c.event_id)
        .where(seen, _labels.c.model == sa.bindparam("model"))
    )


def _numbered(values: Sequence[str | None]) -> dict[str, int]:
    return {value: i for i, value in enumerate(v for v in dict.fromkeys(values) if v is not None)}


def _events(
    series: EntitySeries,
    rows: Sequence[Any],
    owners: Mapping[str, int],
    others: dict[str, int],
    positives: Positives | None,
) -> Events:
    """Rows of (value, time, amount, other) as arrays."""
    values, times, amounts, other = zip(*rows, strict=True)
    return Events(
        _whole([owners.get(value, -1) for value in values]),
        _whole(times),
        {series.amount: _whole(amounts)} if series.amount else {},
        {series.other: _whole([others.setdefault(one, len(others)) for one in other])} if series.other else {},
        positives,
    )


def _positives(rows: Sequence[Any], owners: Mapping[str, int]) -> Positives:
    """Labels as arrays, from rows of value and time of the event and its label, in order of arrival."""
    places = {event_id: (owners[value], time) for value, time, event_id, _, _ in rows}
    found = [(*places[event_id], since, until) for event_id, since, until in times_positive(row[2:] for row in rows)]
    return Positives(*_whole(list(chain.from_iterable(found))).reshape(-1, 4).T)


def _whole(values: Sequence[int]) -> npt.NDArray[np.int64]:
    return np.array(values, np.int64)
