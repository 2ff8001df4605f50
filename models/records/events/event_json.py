"""The stored contents of events: canonical JSON, equal for equal values however they were spelled."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from data.column import Column, level_text
from data.table import Table

_spelled = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


class EventSerializer:
    """Writes the inputs of a table's rows as JSON."""

    def __init__(self, table: Table) -> None:
        self._plain = [(column.name, _plain(column)) for column in table.inputs]

    def __call__(self, row: Mapping[str, Any]) -> str:
        """The `values` as text."""
        return dumped(self.values(row))

    def values(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs of a checked row as in JSON; missing values are null, times ISO 8601, UTC."""
        values = {}
        for name, plain in self._plain:
            value = row.get(name)
            values[name] = None if value is None else plain(value)
        return values


def dumped(values: Mapping[str, Any]) -> str:
    """The stored contents of an event, from plain values."""
    return _spelled(values)


def row_of(contents: str) -> dict[str, Any]:
    """The inputs of an event from its stored contents, spelled as in a file."""
    row: dict[str, Any] = json.loads(contents)
    return row


def moment(seconds: int) -> str:
    """A time in whole seconds as ISO 8601, UTC."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()


def _plain(column: Column) -> Callable[[Any], Any]:
    """The conversion of a column's values for JSON."""
    match column.kind:
        case "time":
            return _time
        case "number":
            return float
        case "flag":
            numbers, levels = column.flag_values, column.levels or (False, True)
            return lambda value: levels[int(numbers[str(value)])]
        case _:
            return level_text


def _time(value: datetime) -> str:
    return (value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value).isoformat()
