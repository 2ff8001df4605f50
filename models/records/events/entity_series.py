"""EntitySeries: the values of events that windows read, stored by entity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from data.column import level_text
from data.table import Table
from data.window import OF_AMOUNTS
from data.window_events import scale_of, whole_number
from models.records.audit_log.personal import PersonalData
from models.records.events.event_json import row_of
from models.registry.database import schema as tables
from models.registry.database.engine import reading, writing

ROWS_AT_ONCE = 5_000


@dataclass(frozen=True)
class EntitySeries:
    """An entity column, with the columns that its windows read.

    Parameters
    ----------
    amount : the column to sum, stored as whole numbers: `scale` of them are 1.
    other : the column whose distinct values are counted.
    """

    entity: str
    amount: str | None
    scale: float
    other: str | None

    @classmethod
    def of(cls, table: Table, entity: str) -> EntitySeries:
        """The series for a table's windows over an entity; Table says why there is at most one column of each sort."""
        windows = [column.window for column in table.windows if column.window and column.window.entity == entity]
        amount = next((w.of for w in windows if w.measure in OF_AMOUNTS), None)
        other = next((w.of for w in windows if w.measure == "distinct"), None)
        return cls(entity, amount, scale_of(table[amount]) if amount else 1.0, other)

    def value(self, row: Mapping[str, Any]) -> str | None:
        """The entity of a row, see `entity_value`."""
        return entity_value(row, self.entity)

    def payload(self, row: Mapping[str, Any]) -> tuple[int | None, str | None]:
        """The values that windows read, besides entity and time."""
        amount = whole_number(row[self.amount], self.scale) if self.amount else None
        return amount, level_text(row[self.other]) if self.other else None

    def stored(self, number: int, event_id: str, seconds: int, row: Mapping[str, Any]) -> dict[str, Any] | None:
        """The row of `event_entities` for an event; None if it lacks the entity, or a column of an earlier table."""
        value = self.value(row)
        if value is None or any(row.get(name) is None for name in (self.amount, self.other) if name):
            return None
        amount, other = self.payload(row)
        return {
            "series": number,
            "value": value,
            "time": seconds,
            "event_id": event_id,
            "amount": amount,
            "other": other,
        }


def entity_value(row: Mapping[str, Any], entity: str) -> str | None:
    """The entity of a row; None if it is missing, as a blank text is in files."""
    value = row.get(entity)
    return None if value is None or not (text := level_text(value)).strip() else text


_series = tables.event_series
_OF_MODEL = sa.select(_series).where(_series.c.model == sa.bindparam("of_model")).order_by(_series.c.id)
_EVENTS = sa.select(tables.events.c.event_id, tables.events.c.time, tables.events.c.row).where(
    tables.events.c.model == sa.bindparam("of_model")
)
_COUNT_ONE_MORE = (
    sa.update(tables.event_streams)
    .where(tables.event_streams.c.model == sa.bindparam("of_model"))
    .values(n_series=tables.event_streams.c.n_series + 1)
)


def series_of_model(connection: sa.Connection, model: str) -> dict[EntitySeries, int]:
    """The number of every series of a model, across its versions."""
    found = connection.execute(_OF_MODEL, {"of_model": model})
    return {EntitySeries(row.entity, row.amount, row.scale, row.other): row.id for row in found}


def register(
    engine: sa.Engine, model: str, needed: list[EntitySeries], personal: PersonalData
) -> dict[EntitySeries, int]:
    """Add the missing ones of the needed series, filled from all stored events; returns the numbers of all."""
    with reading(engine) as connection:
        known = series_of_model(connection, model)
        has_stream = _has_stream(connection, model)
    if has_stream and all(series in known for series in needed):
        return known
    with writing(engine) as connection:
        if not _has_stream(connection, model):
            new = {"model": model, "kept_from": tables.NOTHING_ROLLED_OUT, "n_series": 0}
            connection.execute(tables.event_streams.insert(), new)
        known = series_of_model(connection, model)
        for series in needed:
            if series not in known:
                known[series] = _add(connection, model, series, personal)
    return known


def _has_stream(connection: sa.Connection, model: str) -> bool:
    streams = tables.event_streams
    return connection.execute(sa.select(streams).where(streams.c.model == model)).first() is not None


def _add(connection: sa.Connection, model: str, series: EntitySeries, personal: PersonalData) -> int:
    values = {"entity": series.entity, "amount": series.amount, "scale": series.scale, "other": series.other}
    number: int = connection.execute(_series.insert().returning(_series.c.id), {"model": model, **values}).scalar_one()
    connection.execute(_COUNT_ONE_MORE, {"of_model": model})
    for events in stored_events(connection, model):
        rows = [
            series.stored(number, event_id, seconds, personal.keys_of(row, is_stored=True))
            for event_id, seconds, row in events
        ]
        if kept := [row for row in rows if row is not None]:
            connection.execute(tables.event_entities.insert(), kept)
    return number


def stored_events(connection: sa.Connection, model: str) -> Iterator[list[tuple[str, int, dict[str, Any]]]]:
    """Id, time and row of every stored event of a model, in chunks of a few thousand."""
    found = connection.execute(_EVENTS, {"of_model": model})
    for part in found.partitions(ROWS_AT_ONCE):
        yield [(event_id, seconds, row_of(contents)) for event_id, seconds, contents in part]
