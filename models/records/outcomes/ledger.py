"""Ledgers: append-only tables of outcomes, and the rules for which of several holds.

Outcomes come late, repeatedly, corrected and retracted. Corrections are appended, so that a look back at an earlier
time finds what was known then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

import sqlalchemy as sa

from models.registry.database.engine import parts_of

Value: TypeAlias = bool | float | str | tuple[float, ...]


@dataclass(frozen=True)
class Outcome:
    """The outcome of one prediction or event.

    Parameters
    ----------
    id : of the prediction or the event.
    value : whether it was positive, or the observed level, number or numbers; None retracts earlier outcomes.
    known : time of the observation; None for now, unless the value holds already.
    source : the caller's key for a prediction; `history`, `feedback` or `verdict` for an event.
    """

    id: str
    value: Value | None
    known: datetime | None = None
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """One table of outcomes, by the names of its columns.

    Parameters
    ----------
    flag : column of a boolean value; number : column of any other value, None if there are only booleans.
    received : column of the time of arrival; None if it is not stored.
    tick : time -> as stored; ticks : of a second.
    latest_arrival_holds : otherwise the outcome observed last holds, and of those the one that arrived last.
    """

    table: sa.Table
    id: str
    flag: str
    known: str
    source: str
    number: str | None = None
    received: str | None = None
    tick: Callable[[datetime], int]
    ticks: int
    latest_arrival_holds: bool

    def entries(self, model: str, *, until: datetime | None = None) -> sa.Select[Any]:
        """The statement for the outcomes of a model, as rows of id, flag, number, known and source.

        Of the outcomes of one id, the last row holds.

        Parameters
        ----------
        until : outcomes that came later are left out.
        """
        column = self.table.c
        number = column[self.number] if self.number else sa.null()
        columns = {"id": column[self.id], "flag": column[self.flag], "number": number}
        columns |= {"known": column[self.known], "source": column[self.source]}
        query = sa.select(*(one.label(name) for name, one in columns.items())).where(column.model == model)
        if until is not None:
            query = query.where(column[self.received or self.known] <= self.tick(until))
        return query.order_by(*([] if self.latest_arrival_holds else [column[self.known]]), column.id)

    def latest(
        self,
        connection: sa.Connection,
        model: str,
        ids: Iterable[str] | None = None,
        *,
        until: datetime | None = None,
        without: str | None = None,
    ) -> dict[str, Outcome]:
        """The outcomes that hold, by id; a retracted one has the value None.

        Parameters
        ----------
        ids : None for all.
        until : later outcomes are left out. without : as are those of this source.
        """
        rows = self._rows(connection, self.entries(model, until=until), ids)
        return {row.id: self._outcome(row) for row in rows if row.source != without}

    def values(
        self, connection: sa.Connection, model: str, ids: Iterable[str] | None = None, *, until: datetime | None = None
    ) -> dict[str, Value]:
        """The values that hold, by id, see `latest`; retracted ones are left out."""
        latest = self.latest(connection, model, ids, until=until)
        return {name: one.value for name, one in latest.items() if one.value is not None}

    def add(self, connection: sa.Connection, model: str, outcomes: Sequence[Outcome], *, now: datetime) -> int:
        """Append the outcomes that say something new, in their order; returns their number.

        Where the latest arrival holds, an outcome with the value that holds is a repeat, whenever it was observed: it
        does not change from when on that value is known. Otherwise only the same value of the same time is, since an
        earlier outcome may still arrive and must not win against either. Without a time, the value alone decides: a
        late retry must not override a correction.
        """
        holding: dict[str, tuple[int, Value | None]] = {}
        said: set[tuple[str, int, Value | None]] = set()
        for row in self._rows(connection, self.entries(model), [one.id for one in outcomes]):
            holding[row.id] = row.known, _value(row)
            said.add((row.id, *holding[row.id]))
        new = []
        for one in outcomes:
            known = self.tick(one.known or now)
            since, value = holding.get(one.id, (known, None))
            if self.latest_arrival_holds or (one.known is None and one.id in holding):
                repeats = value == one.value
            else:
                repeats = (one.id, known, one.value) in said
            if not repeats:
                said.add((one.id, known, one.value))
                if self.latest_arrival_holds or known >= since:
                    holding[one.id] = known, one.value
                new.append({"model": model, **self._columns(one, known, now)})
        if new:
            connection.execute(self.table.insert(), new)
        return len(new)

    def _rows(
        self, connection: sa.Connection, query: sa.Select[Any], ids: Iterable[str] | None
    ) -> Iterator[sa.Row[Any]]:
        column = self.table.c[self.id]
        parts = [query] if ids is None else (query.where(column.in_(some)) for some in parts_of([*dict.fromkeys(ids)]))
        for part in parts:
            yield from connection.execute(part)

    def _columns(self, one: Outcome, known: int, now: datetime) -> dict[str, Any]:
        is_flag = one.value is None or isinstance(one.value, bool)
        columns = {self.id: one.id, self.flag: one.value if is_flag else None, self.known: known}
        if self.number:
            columns[self.number] = None if is_flag else one.value
        if self.received:
            columns[self.received] = self.tick(now)
        return {**columns, self.source: one.source}

    def _outcome(self, row: Any) -> Outcome:
        return Outcome(row.id, _value(row), datetime.fromtimestamp(row.known / self.ticks, UTC), row.source)


def _value(row: Any) -> Value | None:
    """The value in a row of `Ledger.entries`."""
    value: Value | list[float] | None = row.flag if row.number is None else row.number
    return tuple(value) if isinstance(value, list) else value  # JSON has no tuples
