"""Sources of training rows: a file, a public table by name, or the domain's simulator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from data.checking import checked_frame, with_time_formats
from data.errors import SourceError
from data.files.sources import read_frame
from data.files.table_toml import read_table
from data.series.forecast_rows import (
    history_table,
    holds_single_values,
    is_of_histories,
    series_table,
    training_rows,
)
from data.series.histories import histories
from data.splits import Split
from data.table import Table
from data.tables._catalogue import load_public, public_tables
from models.contract import Domain
from models.home import Home

SIMULATED = "simulated "
"""How the source of simulated rows begins, in reports and manifests."""


@dataclass(frozen=True)
class TrainingRows:
    """Raw rows, the table that describes them, and how to split them.

    `source` names them in reports; `note` holds caveats for the reader; the last `n_train_only` rows are trained on and
    test nothing.
    """

    table: Table
    frame: pd.DataFrame
    source: str
    split: Split
    note: str = ""
    n_train_only: int = 0


def rows_to_train_on(
    domain: Domain, *, data: str | None, table: str | None, home: Home, data_home: Path | None, seed: int
) -> TrainingRows:
    """The rows of a training job.

    Parameters
    ----------
    data : a CSV or parquet file; None takes the public table's rows, or simulated ones.
    table : name of a public table, or a TOML file that describes the columns of `data`; None is the domain's own table.
    data_home : folder with the files of the public tables.
    seed : of the simulator.

    Raises DataError for a file or table that is missing or cannot be read.
    """
    if table is None and data is None:
        simulation = domain.simulate(domain.n_simulated_rows, seed)
        return TrainingRows(domain.table, simulation.frame, f"{SIMULATED}{domain.name} rows, seed {seed}", domain.split)
    if table in public_tables():
        public = public_tables()[table]
        if data is None:
            _, frame = load_public(table, data_home, home.downloads)
            return TrainingRows(public.table, frame, f"public table {table}", public.split, public.note)
        return TrainingRows(public.table, read_frame(Path(data)), data, public.split)
    if data is None:
        raise SourceError(
            f"{table!r} is no public table ({', '.join(public_tables())}); "
            f"for a file that describes your columns, also name the rows: --data FILE"
        )
    described = domain.table if table is None else read_table(Path(table))
    frame = read_frame(Path(data))
    if holds_single_values(described, frame):
        described = series_table(described)
    if described.series is not None and not is_of_histories(described):
        return _of_series(described, frame, data)
    return TrainingRows(described, frame, data, split_for(described, domain))


def _of_series(table: Table, frame: pd.DataFrame, source: str) -> TrainingRows:
    """The forecasts of a file whose rows are values of series, one by one."""
    known = with_time_formats(table, frame)
    found = histories(checked_frame(known, frame, source, training=True), known, source)
    rows = history_table(known, max(found, key=len))
    return TrainingRows(rows, training_rows(found, rows), source, Split(kind="order"))


def split_for(table: Table, domain: Domain) -> Split:
    """A split by time if the table has a time column, else at random.

    The label delay is that of the table's windows, or the domain's for a table without windows.
    """
    if table.series is not None:
        return Split(kind="order")
    if table.time is None:
        return Split(kind="random")
    delay = table.label_delay_days if table.windows else domain.split.label_delay_days
    return Split(kind="time", label_delay_days=delay)
