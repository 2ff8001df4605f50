"""Cost of one new event with a month of stored ones, of loading that month, and of windows in bulk.

    python tests/benchmarks/event_store.py [--url URL] [--days 30] [--per-day 10000] [--events 2000] [--busy 0.1]
    python tests/benchmarks/event_store.py --bulk 863000

The first form loads simulated card transactions into an empty store (SQLite in a temporary folder, or the database of
--url, which must not hold events yet), then asks about one new event at a time: windows, a small fraud model's answer,
and storing, in one transaction each. With --busy, that share of all events is at one terminal, and the figures are told
apart for it. CPU time is this process's own. The ratio is to a fixed piece of work of this machine at this moment: one
row inserted and committed through Python's own sqlite3. One BLAS thread.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[2]))

from data.checking import checked_frame
from data.column import Column
from data.window import Window
from data.windows import with_windows
from models.answers.respond import respond
from models.domains._discovery import load_domains
from models.records.events.backfill import load_past
from models.records.events.event_log import EventLog
from models.registry.database.engine import open_database
from models.registry.database.migrations import create_schema
from tests.conftest import quick_live

FRAUD = load_domains()["fraud"]
BUSY_TERMINAL = "T0000"


def timed(calls: Sequence[Callable[[], object]]) -> tuple[np.ndarray, np.ndarray]:
    """Wall and CPU milliseconds of each call."""
    wall, cpu = np.empty(len(calls)), np.empty(len(calls))
    for i, call in enumerate(calls):
        started, started_cpu = time.perf_counter(), time.process_time()
        call()
        wall[i], cpu[i] = time.perf_counter() - started, time.process_time() - started_cpu
    return wall * 1e3, cpu * 1e3


def print_times(what: str, wall: np.ndarray, cpu: np.ndarray, fixed: float) -> None:
    median, p99 = np.quantile(wall, [0.5, 0.99])
    print(
        f"{what:<40} median {median:7.3f} ms   p99 {p99:7.3f} ms   CPU median {np.median(cpu):7.3f} ms   "
        f"{median / fixed:6.1f} x the fixed work"
    )


def fixed_work(folder: Path, n_times: int) -> float:
    """Median milliseconds of one row inserted and committed through sqlite3."""
    connection = sqlite3.connect(folder / "fixed.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
    insert = [lambda: connection.execute("INSERT INTO t (b) VALUES (?)", ["x" * 300])] * n_times
    wall, cpu = timed(insert)
    median = float(np.median(wall))
    print_times("fixed work: one row, sqlite3", wall, cpu, median)
    return median


def transactions(n_days: int, per_day: int, n_more: int, busy: float) -> pd.DataFrame:
    """Simulated rows of the last days; a share of them moved to one terminal."""
    frame = FRAUD.simulate(60 * per_day + n_more, 0).frame.iloc[-(n_days * per_day + n_more) :]
    moved = np.random.default_rng(0).random(len(frame)) < busy
    return frame.assign(terminal_id=np.where(moved, BUSY_TERMINAL, frame["terminal_id"]))


def measure_store(folder: Path, arguments: argparse.Namespace) -> None:
    """Print what loading and asking cost."""
    live = quick_live(FRAUD)
    frame = transactions(arguments.days, arguments.per_day, arguments.events, arguments.busy)
    checked, labels = checked_frame(live.table, frame, "simulated rows", training=True), live.table.labels(frame)
    engine = open_database(arguments.url or f"sqlite:///{folder}/events.db")
    create_schema(engine)
    latest = checked["time"].iloc[-1].tz_localize("UTC").to_pydatetime()
    log = EventLog(engine, "fraud", live.table, now=lambda: latest)
    n_past = len(frame) - arguments.events
    started, started_cpu = time.perf_counter(), time.process_time()
    load_past(log, checked.iloc[:n_past], labels[:n_past], label_delay_days=7)
    wall, cpu = time.perf_counter() - started, time.process_time() - started_cpu
    print(f"{n_past:,} events loaded in {wall:.1f} s (CPU {cpu:.1f} s), {1e6 * wall / n_past:.0f} us each")

    def answered(rows: Sequence[Any], places: Sequence[int]) -> Any:
        return respond(live, rows, ["id"] * len(rows))

    rows = checked.iloc[n_past:][[column.name for column in live.table.inputs]].astype(object)
    asked = rows.where(rows.notna(), None).to_dict("records")
    first, others = np.split(np.array(asked, object), [min(len(asked) // 2, 100)])
    fixed = fixed_work(folder, arguments.events)
    timed([lambda row=row: log.answer([row], answered) for row in first])
    at_busy = np.array([row["terminal_id"] == BUSY_TERMINAL for row in others])
    wall, cpu = timed([lambda row=row: log.answer([row], answered) for row in others])
    print_times("one new event", wall[~at_busy], cpu[~at_busy], fixed)
    if at_busy.any():
        print_times(f"one new event at {BUSY_TERMINAL}", wall[at_busy], cpu[at_busy], fixed)
    whole = with_windows(live.table, checked.iloc[-1:], labels[-1:])
    row = {**asked[-1], **{name: whole[name].iloc[0] for name in [column.name for column in live.table.windows]}}
    print_times("its score alone", *timed([lambda: respond(live, [row], ["id"])] * 1000), fixed)
    print_times("an event sent again", *timed([lambda: log.answer([asked[-1]], answered)] * 500), fixed)
    engine.dispose()


def measure_bulk(n_rows: int) -> None:
    """Print what the windows of a whole history cost."""
    frame = FRAUD.simulate(n_rows, 0).frame
    sums = [
        Column(
            name=f"customer_id_sum_{days}d",
            kind="number",
            window=Window(entity="customer_id", measure="sum", days=days, of="amount_eur"),
        )
        for days in (1, 7, 30)
    ]
    table = replace(FRAUD.table, columns=(*FRAUD.table.columns, *sums))  # with one of each measure
    checked = checked_frame(table, frame, "simulated rows", training=True)
    labels = table.labels(checked)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wall, cpu = timed([lambda: with_windows(table, checked, labels)])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    n_windows = len(table.windows)
    print(f"{n_rows:,} rows x {n_windows} windows: {wall[0] / 1e3:.1f} s (CPU {cpu[0] / 1e3:.1f} s),", end=" ")
    print(f"peak memory of the process {peak:,.0f} MB, {before:,.0f} MB before")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--per-day", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=2_000)
    parser.add_argument("--busy", type=float, default=0.0)
    parser.add_argument("--bulk", type=int)
    arguments = parser.parse_args()
    if arguments.bulk:
        measure_bulk(arguments.bulk)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure_store(Path(folder), arguments)


if __name__ == "__main__":
    main()
