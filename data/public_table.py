"""PublicTable: a public data set with its description."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from data.splits import Split
from data.table import Table


@dataclass(frozen=True, kw_only=True)
class PublicTable:
    """A public data set with its description.

    Parameters
    ----------
    table : its columns; its name is the name that users give.
    domain : the line of business it trains.
    file : parquet file, relative to the data home.
    digest : `frame_digest` of that file's rows, checked after downloads.
    split : training, validation and test split.
    openml_id : ID of the data set on OpenML, or None.
    from_openml : maps OpenML's names and levels to the file's; None if there is nothing to map.
    note : caveats for reports.
    """

    table: Table
    domain: str
    file: str
    digest: str
    split: Split
    openml_id: int | None = None
    from_openml: Callable[[Table, pd.DataFrame], pd.DataFrame] | None = None
    note: str = ""
