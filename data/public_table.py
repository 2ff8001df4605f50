"""PublicTable: a table that anyone can get, and what is known about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from data.splits import Split
from data.table import Table


@dataclass(frozen=True, kw_only=True)
class PublicTable:
    """A table that anyone can get, and what is known about it.

    Parameters
    ----------
    table : its columns; its name is the name that users give.
    domain : the line of business it trains.
    file : parquet file, relative to the data home.
    digest : `frame_digest` of that file's rows, which a download must equal.
    split : how its rows are cut for a fair judgement.
    openml_id : number of the same rows on OpenML, None if they are not there.
    from_openml : takes OpenML's names and levels to the file's; None if they are the same.
    note : traps that a report must state.
    """

    table: Table
    domain: str
    file: str
    digest: str
    split: Split
    openml_id: int | None = None
    from_openml: Callable[[Table, pd.DataFrame], pd.DataFrame] | None = None
    note: str = ""
