"""The inputs of a forecast: the past values, and name and time of the series."""

from __future__ import annotations

from data.errors import TableError
from data.series.forecast_rows import is_of_histories
from data.table import Table


def as_forecasts(table: Table) -> Table:
    """The table itself, if its rows are forecasts."""
    if not is_of_histories(table):
        raise TableError(
            f"table {table.name!r} does not describe series: add [series] with a horizon, and the role 'target' for "
            "the number that is forecast"
        )
    return table
