"""Tables in bundles: what a field that older bundles lack stands for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator

from data.table import Table


def _as_written(value: Any) -> Any:
    """The fields of a stored table: models read the row's time before `time_input` could say that they do not."""
    if not isinstance(value, Mapping) or not isinstance(value.get("columns"), list):
        return value
    columns = [
        {"time_input": True, **column} if isinstance(column, Mapping) and column.get("role") == "time" else column
        for column in value["columns"]
    ]
    return {**value, "columns": columns}


StoredTable: TypeAlias = Annotated[Table, BeforeValidator(_as_written)]
