"""Measure our network on the fixed comparison tasks, on the rows and in the columns that its peers are measured with.

    python tests/benchmarks/accuracy.py --tasks taiwan,german --task-file tasks.toml --data DIR --out ours.csv

A task file is TOML; each section names a parquet `file` (relative to --data), the `target` column and its `positive`
value, columns to `drop`, integer-coded `categories`, the `split` ("random": 20 % stratified test rows for each seed,
"time": the last 20 % of the rows in `order`) and how many `seeds`. Columns of text, and those named, are categories;
all others are numbers. One CSV row per task and seed: ROC AUC, average precision, log-loss and Brier score on the test
rows, and the wall seconds of fit and predict.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

sys.path.insert(0, str(Path(__file__).parents[2]))

from data.table import Column, Table
from models.presets import PRESETS, PresetName
from models.scoring import TableClassifier

HEADER = ["task", "model", "seed", "auc", "average_precision", "log_loss", "brier", "seconds"]
MANY_LEVELS = 1000
VALIDATION_FRACTION = 0.15


def load_task(spec: dict[str, Any], data: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """The task's feature columns and its 0/1 target, in the task's order."""
    frame = pd.read_parquet(data / spec["file"])
    if "order" in spec:
        frame = frame.sort_values(spec["order"], kind="stable").reset_index(drop=True)
    target = (frame.pop(spec["target"]) == spec["positive"]).to_numpy(int)
    return frame.drop(columns=spec.get("drop", [])), target


def infer_features(name: str, frame: pd.DataFrame, categories: list[str]) -> Table:
    """The table of the task's features: text and named columns are categories (keys if they have many levels)."""

    def column(column_name: str) -> Column:
        values = frame[column_name]
        if column_name not in categories and pd.api.types.is_numeric_dtype(values):
            return Column(name=column_name, kind="number", optional=True)
        many = values.nunique() > MANY_LEVELS
        return Column(name=column_name, kind="key" if many else "category", optional=True)

    return Table(name=name, columns=tuple(column(str(c)) for c in frame.columns))


def split(spec: dict[str, Any], target: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of the training and the test set."""
    rows = np.arange(len(target))
    if spec["split"] == "time":
        cut = int(len(rows) * 0.8)
        return rows[:cut], rows[cut:]
    train, test = train_test_split(rows, test_size=0.2, random_state=seed, stratify=target)
    return train, test


def measure(name: str, spec: dict[str, Any], data: Path, preset: PresetName, seed: int) -> list[Any]:
    """One row of the result."""
    frame, target = load_task(spec, data)
    train, test = split(spec, target, seed)
    table = infer_features(name, frame, spec.get("categories", []))
    started = time.perf_counter()
    fit, validation = train_test_split(train, test_size=VALIDATION_FRACTION, random_state=seed, stratify=target[train])
    model = TableClassifier(table, PRESETS[preset], seed)
    model.fit(frame.iloc[fit], target[fit], validation=(frame.iloc[validation], target[validation]))
    probabilities = np.clip(model.probabilities(frame.iloc[test]), 1e-7, 1 - 1e-7)
    seconds = time.perf_counter() - started
    truth = target[test]
    scores = [
        metric(truth, probabilities) for metric in (roc_auc_score, average_precision_score, log_loss, brier_score_loss)
    ]
    return [name, f"backscore_{preset}", seed, *(f"{score:.5f}" for score in scores), f"{seconds:.1f}"]


def main() -> None:
    """Measure the tasks that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default="all", help="names, separated by commas")
    parser.add_argument("--task-file", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder that the task file's paths start from")
    parser.add_argument("--preset", choices=list(PRESETS), default="balanced")
    parser.add_argument("--out", type=Path, help="append the rows to this CSV as well")
    arguments = parser.parse_args()
    specs = tomllib.loads(arguments.task_file.read_text())
    names = list(specs) if arguments.tasks == "all" else arguments.tasks.split(",")
    if unknown := [name for name in names if name not in specs]:
        parser.error(f"no task {', '.join(unknown)} in {arguments.task_file}; it has {', '.join(specs)}")
    outputs = [csv.writer(sys.stdout)]
    if arguments.out:
        is_new = not arguments.out.exists()
        outputs.append(csv.writer(arguments.out.open("a", buffering=1)))
        if is_new:
            outputs[-1].writerow(HEADER)
    for name in names:
        for seed in range(specs[name].get("seeds", 1)):
            row = measure(name, specs[name], arguments.data, arguments.preset, seed)
            for output in outputs:
                output.writerow(row)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
