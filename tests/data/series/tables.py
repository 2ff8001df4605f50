"""Tables of series, and frames for them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from data.checking import checked_frame
from data.column import Column
from data.series.histories import History, histories
from data.series.spec import SeriesSpec
from data.table import Table

NAME = Column(name="name", kind="key", role="series")
DATE = Column(name="date", kind="time", role="time")
PLACE = Column(name="place", kind="number", role="position", whole=True)
SOLD = Column(name="sold", kind="number", role="target")
RETURN = Column(name="sold", kind="number", role="target", measure="return")


def table_of(*columns: Column, **spec: Any) -> Table:
    """A table of series: daily ones, of names and dates, unless other columns and settings are given."""
    return Table(
        name="shop",
        columns=columns or (NAME, DATE, SOLD),
        series=SeriesSpec(**{"horizon": 7, "frequency": "D", **spec}),
    )


def frame_of(dates: Any, values: Any, name: str = "a") -> pd.DataFrame:
    return pd.DataFrame({"name": name, "date": dates, "sold": values})


def tidied(frame: pd.DataFrame, table: Table) -> list[History]:
    """The histories of raw rows."""
    return histories(checked_frame(table, frame, "shop.csv", training=True), table, "shop.csv")
