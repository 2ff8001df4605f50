"""Rows of a frame as the requests that a client would send, and what the bulk computation says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from data.table import Table


def requests_of(table: Table, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The inputs of raw rows, as JSON takes them."""
    inputs = frame[[column.name for column in table.inputs]].astype(object)
    rows = inputs.where(inputs.notna(), None).to_dict("records")
    return [{str(name): value for name, value in _plain(row).items()} for row in rows]


def windows_of(table: Table, frame: pd.DataFrame) -> list[dict[str, float | None]]:
    """The windows of rows that have them, as answers tell them."""
    rows = frame[[column.name for column in table.windows]].to_dict("records")
    return [{str(name): None if np.isnan(value) else value for name, value in row.items()} for row in rows]


def _plain(row: dict[Any, Any]) -> dict[Any, Any]:
    return {name: value.isoformat() if isinstance(value, pd.Timestamp) else value for name, value in row.items()}
