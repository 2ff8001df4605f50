"""The price of monotone constraints: each task's model with and without its table's directions, on the same rows.

    BACKSCORE_DATA_HOME=DIR python tests/benchmarks/monotone.py [--tasks taiwan,credit,ads] [--seeds 5]
        [--rows 20000] [--test-rows 50000] [--pairs 100000]

`free` is the network without directions, `directed` the one with those of the table; `all codes ordered` takes the
directions of taiwan to hold among the codes of PAY_* as well. A public table gives 20 % stratified test rows by seed;
a simulator draws --rows to train and --test-rows to test. Violations are counted among --pairs of test rows that differ
in one directed number. One CSV row per task, variant and seed, then the paired difference to `free`: its mean over the
seeds and the standard error of that mean.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

sys.path.insert(0, str(Path(__file__).parents[2]))

from data.simulators import ads, credit
from data.table import Table
from data.tables._catalogue import load_public, public_tables
from models.estimators.table_classifier import TableClassifier
from models.presets import PRESETS, PresetName

SIMULATORS = {"ads": ads, "credit": credit}
VALIDATION_FRACTION = 0.15


def rows_of(task: str, seed: int, n_training: int, n_test: int) -> tuple[Table, pd.DataFrame, pd.DataFrame]:
    """Table, training rows and test rows."""
    if task in SIMULATORS:
        simulator = SIMULATORS[task]
        training, test = simulator.simulate(n_training, seed), simulator.simulate(n_test, 1000 + seed)
        return simulator.TABLE, training.frame, test.frame
    home = os.environ.get("BACKSCORE_DATA_HOME")
    public, frame = load_public(task, Path(home) if home else None, Path(tempfile.gettempdir()))
    labels = public.table.labels(frame)
    training_rows, test_rows = train_test_split(frame, test_size=0.2, random_state=seed, stratify=labels)
    return public.table, training_rows, test_rows


def variants(table: Table) -> dict[str, Table]:
    """The table with fewer and with more constraints than it states."""
    bounds = {c.name: c.ordered_above for c in table.columns if c.ordered_above is not None}
    undirected = {c.name: {"direction": 0, "ordered_above": None} for c in table.columns if c.direction}
    found = {"free": table.with_columns(undirected), "directed": table}
    if bounds:
        found["all codes ordered"] = table.with_columns({name: {"ordered_above": None} for name in bounds})
    return found


def pairs(table: Table, frame: pd.DataFrame, n_pairs: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Rows, the same rows with one directed number raised, and the number's direction."""
    rng = np.random.default_rng(seed)
    directed = [column for column in table.inputs if column.direction and column.role != "ignore"]
    low = frame.iloc[rng.integers(0, len(frame), n_pairs)].reset_index(drop=True)
    high, chosen = low.copy(), rng.integers(0, len(directed), n_pairs)
    for i, column in enumerate(directed):
        rows = np.flatnonzero(chosen == i)
        values = frame[column.name].to_numpy(np.float64)
        values = values[~np.isnan(values) & ~np.isin(values, column.missing)]
        ends = np.sort(rng.choice(values, (len(rows), 2)), axis=1)
        floor = -np.inf if column.ordered_above is None else column.ordered_above
        ends[:, 1] = np.where(ends[:, 1] > floor, ends[:, 1], values.max())
        for frame_of_pairs, end in ((low, ends[:, 0]), (high, ends[:, 1])):
            numbers = frame_of_pairs[column.name].to_numpy(np.float64).copy()
            numbers[rows] = end
            frame_of_pairs[column.name] = numbers
    return low, high, np.array([column.direction for column in directed])[chosen]


def train(table: Table, training: pd.DataFrame, preset: PresetName, seed: int) -> TableClassifier:
    """The model of these rows."""
    labels = table.labels(training)
    fit, validation = train_test_split(
        np.arange(len(training)), test_size=VALIDATION_FRACTION, random_state=seed, stratify=labels
    )
    model = TableClassifier(table, PRESETS[preset], seed)
    return model.fit(training.iloc[fit], labels[fit], validation=(training.iloc[validation], labels[validation]))


def main() -> None:
    """Measure the requested tasks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default="taiwan,credit,ads", help="names, separated by commas")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--preset", choices=list(PRESETS), default="balanced")
    parser.add_argument("--rows", type=int, default=20_000, help="of a simulator, to train on")
    parser.add_argument("--test-rows", type=int, default=50_000, help="of a simulator")
    parser.add_argument("--pairs", type=int, default=100_000)
    arguments = parser.parse_args()
    names = arguments.tasks.split(",")
    if unknown := set(names) - {*SIMULATORS, *public_tables()}:
        parser.error(f"no task {', '.join(unknown)}; there are {', '.join([*SIMULATORS, *public_tables()])}")
    output = csv.writer(sys.stdout)
    output.writerow(["task", "variant", "seed", "auc", "log_loss", "violations", "seconds"])
    for name in names:
        scores: dict[str, list[tuple[float, float]]] = {}
        for seed in range(arguments.seeds):
            table, training, test = rows_of(name, seed, arguments.rows, arguments.test_rows)
            if not any(column.direction for column in table.features):
                parser.error(f"{name} has no directions to do without; leave it out")
            truth, (low, high, directions) = table.labels(test), pairs(table, test, arguments.pairs, seed)
            for variant, described in variants(table).items():
                started = time.perf_counter()
                model = train(described, training, arguments.preset, seed)
                seconds = time.perf_counter() - started
                probabilities = np.clip(model.probabilities(test), 1e-7, 1 - 1e-7)
                auc, loss = roc_auc_score(truth, probabilities), log_loss(truth, probabilities)
                broken = directions * (model.probabilities(high) - model.probabilities(low)) < 0
                scores.setdefault(variant, []).append((auc, loss))
                output.writerow([name, variant, seed, f"{auc:.5f}", f"{loss:.5f}", int(broken.sum()), f"{seconds:.1f}"])
                sys.stdout.flush()
        free = np.array(scores.pop("free"))
        for variant, of_seeds in scores.items():
            gains = np.array(of_seeds) - free
            errors = gains.std(axis=0, ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else np.full(2, np.nan)
            (auc, loss), (auc_error, loss_error) = gains.mean(axis=0), errors
            print(
                f"# {name}, {variant}: AUC {auc:+.5f} (se {auc_error:.5f}), log-loss {loss:+.5f} (se {loss_error:.5f})"
            )


if __name__ == "__main__":
    main()
