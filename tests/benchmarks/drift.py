"""Time and memory of a monitor: 30 columns, 50,000 recent rows or many more, alone and in batches.

python tests/benchmarks/drift.py [--rows 50000,500000] [--rows-per-request 1,10000] [--training-rows 100000]
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import pandas as pd
from pydantic_core import to_json

sys.path.insert(0, str(Path(__file__).parents[2]))

from data.column import Column
from data.table import Table
from models.contract import LiveModel
from models.domains._discovery import load_domains
from models.monitoring.drift.monitor import monitor
from models.monitoring.drift.reference import REFERENCE, Reference, reference_file
from models.presets import PRESETS
from models.records.audit_log.log import PredictionAppender, PredictionLog
from models.records.audit_log.record import BATCH, SCORE, PredictionRecord, id_in_batch, milliseconds
from models.registry.database.engine import open_database
from models.registry.registry import Registry

NOW = datetime(2024, 5, 31, 12, 0, tzinfo=UTC)
NUMBERS = [Column(name=f"number_{i}", kind="number", optional=True) for i in range(20)]
LEVELS = [Column(name=f"category_{i}", kind="category") for i in range(8)]
FLAGS = [Column(name=f"flag_{i}", kind="flag") for i in range(2)]
TARGET = Column(name="bad", kind="flag", role="target")
TABLE = Table(name="wide", columns=(*NUMBERS, *LEVELS, *FLAGS, TARGET))


def rows(n_rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    cells = {column.name: np.round(rng.lognormal(5, 1, n_rows), 2) for column in NUMBERS}
    cells |= {column.name: rng.choice(["north", "south", "east", "west"], n_rows) for column in LEVELS}
    cells |= {column.name: rng.choice(["0", "1"], n_rows) for column in FLAGS}
    return pd.DataFrame(cells).astype({column.name: object for column in (*LEVELS, *FLAGS)})


def fill(log: PredictionLog, n_rows: int, rows_per_request: int) -> None:
    """Records of a week, with answers of a usual length."""
    n_requests = n_rows // rows_per_request
    some = rows(10_000, 1).to_dict("records")
    scores = np.random.default_rng(2).beta(1, 5, n_rows).tolist()
    start = milliseconds(NOW - timedelta(days=6))
    reasons = [{"column": "number_1", "value": 1.5, "typical": 2.5, "text": "a sentence of usual length, " * 3}] * 3
    records: list[PredictionRecord] = []
    for place in range(n_requests):
        name, first = f"{place:08}", place * rows_per_request
        asked = [some[(first + i) % len(some)] for i in range(rows_per_request)]
        ids = [id_in_batch(name, i) for i in range(rows_per_request)] if rows_per_request > 1 else [name]
        answers = [
            {"prediction_id": one, "probability_of_default": scores[first + i], "decision": "refer", "reasons": reasons}
            for i, one in enumerate(ids)
        ]
        alone = rows_per_request == 1
        records.append(
            PredictionRecord(
                id=name,
                version=1,
                model="wide",
                policy_version=0,
                role="champion",
                action=SCORE if alone else BATCH,
                at=start + int(place * 5 * 86_400_000 / n_requests),
                latency=500,
                key_id="",
                reasons="adverse",
                n_rows=rows_per_request,
                request=to_json(asked[0] if alone else asked).decode(),
                features_digest="",
                answer=to_json(answers[0] if alone else answers).decode(),
            )
        )
        if len(records) == 2_000 or place == n_requests - 1:
            PredictionAppender(log.engine).write(records)
            records = []


def open_log(home: str) -> PredictionLog:
    url = f"sqlite:///{home}/backscore.db"
    Registry(url).close()  # creates the tables
    return PredictionLog(open_database(url))


def prepare(home: str, n_rows: int, rows_per_request: int, n_training: int) -> None:
    """Fill the log, and keep a reference."""
    fill(open_log(home), n_rows, rows_per_request)
    training, scores = rows(n_training, 0), np.random.default_rng(3).beta(1, 5, n_training // 5)
    started = perf_counter()
    files = reference_file(TABLE, training, scores)
    print(f"reference: {perf_counter() - started:.2f} s, {len(files[REFERENCE]) / 1000:,.0f} kB;", end=" ", flush=True)
    Path(home, REFERENCE).write_bytes(files[REFERENCE])


def most_megabytes() -> float:
    """The most memory that this process has used: other than `ru_maxrss` without what the one that started it had."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


def measure(home: str, n_rows: int, rows_per_request: int) -> None:
    """Print the cost of a monitor; in a process of its own, so that it finds its memory unused."""
    domain = load_domains()["credit"]
    live = LiveModel(
        name="wide",
        version=1,
        domain=domain,
        scorer=domain.build(TABLE, PRESETS["fast"], 0),
        policy=domain.policy(),
    )
    log, reference = open_log(home), Reference.model_validate_json(Path(home, REFERENCE).read_bytes())
    before, cpu_before, started = most_megabytes(), process_time(), perf_counter()
    found = monitor(live, reference, log, now=NOW)
    seconds, cpu, after = perf_counter() - started, process_time() - cpu_before, most_megabytes()
    print(
        f"{n_rows:>9,} rows in requests of {rows_per_request:>6,}: {seconds:5.2f} s ({cpu:.2f} s of CPU), "
        f"{after - before:,.0f} MB more at most, {found.n_recent:,} rows looked at "
        f"({found.share_looked_at:.1%}), state {found.state}"
    )


def main() -> None:
    def counts(text: str) -> list[int]:
        return [int(part) for part in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=counts, default=[50_000, 500_000], help="recent ones, in steps of a request's")
    parser.add_argument("--rows-per-request", type=counts, default=[1, 10_000])
    parser.add_argument("--training-rows", type=int, default=100_000)
    arguments = parser.parse_args()
    for n_rows in arguments.rows:
        for rows_per_request in arguments.rows_per_request:
            with tempfile.TemporaryDirectory() as folder:
                prepare(folder, n_rows, rows_per_request, arguments.training_rows)
                process = multiprocessing.get_context("spawn").Process(
                    target=measure, args=(folder, n_rows, rows_per_request)
                )
                process.start()
                process.join()
                if process.exitcode:
                    sys.exit("the monitor failed")


if __name__ == "__main__":
    main()
