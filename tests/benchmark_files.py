"""Small files for the scripts of `tests/benchmarks`: random rows of public tables, and a comparison task."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from data.column import Column
from data.table import Table
from data.tables._catalogue import public_tables

N_ROWS = {"criteo_10k": 600, "german": 400, "handbook": 3_000, "taiwan": 300, "ulb": 400}
"""Of each table that a script reads; those of the handbook are spread over all weeks that its protocol needs."""
N_TASK_ROWS, N_IDS, EVENT_RATE = 300, 200, 0.3
FIRST, LAST = "2018-05-20", "2018-08-01"
TASK_FILE = """
[small]
file = "small.parquet"
target = "bought"
positive = "yes"
categories = ["shop"]
split = "random"
"""


def write_files(folder: Path) -> None:
    """A data home with the tables, and in it `tasks.toml`, its rows and `peers.csv`."""
    for number, (name, n_rows) in enumerate(N_ROWS.items()):
        public = public_tables()[name]
        path = folder / public.file
        path.parent.mkdir(parents=True, exist_ok=True)
        random_rows(public.table, n_rows, seed=number).to_parquet(path, index=False)
    rng = np.random.default_rng(0)
    price, bought = rng.lognormal(size=N_TASK_ROWS), rng.random(N_TASK_ROWS) < EVENT_RATE
    shop, bought = rng.integers(4, size=N_TASK_ROWS), np.where(bought | (price > 3), "yes", "no")
    pd.DataFrame({"price": price, "shop": shop, "bought": bought}).to_parquet(folder / "small.parquet")
    (folder / "tasks.toml").write_text(TASK_FILE)
    header = "task,model,seed,auc,average_precision,log_loss,brier,seconds"
    (folder / "peers.csv").write_text(f"{header}\nsmall,catboost,0,0.7,0.5,0.5,0.2,1.0\n")


def random_rows(table: Table, n_rows: int, seed: int) -> pd.DataFrame:
    """Rows that the table allows, each column drawn by itself, in time order."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame({column.name: _values(column, n_rows, rng) for column in table.file_columns})


def _values(column: Column, n_rows: int, rng: np.random.Generator) -> object:
    if column.role == "target":
        return np.where(rng.random(n_rows) < EVENT_RATE, min(column.event_levels), _no_event(column))
    if column.role == "event":
        return np.arange(n_rows)
    if column.kind == "time":
        first, last = (pd.Timestamp(day).value // 10**9 for day in (FIRST, LAST))
        return pd.to_datetime(np.sort(rng.integers(first, last, n_rows)), unit="s")
    if column.kind == "number":
        least, most = column.minimum or 0, min(column.maximum or np.inf, 1_000)
        numbers = rng.uniform(least, most, n_rows)
        return numbers.astype(int) if column.whole else numbers.round(2)
    levels = column.levels or [str(number) for number in range(2 if column.kind == "flag" else N_IDS)]
    return rng.choice(np.array(levels, object), n_rows)


def _no_event(column: Column) -> str:
    levels = column.levels or ("0", "1")
    return next(level for level in levels if level not in column.event_levels)
