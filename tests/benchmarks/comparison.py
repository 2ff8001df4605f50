"""Common parts of the accuracy measurements: tasks, their rows, scores, and the environment.

A task file is TOML; each section names a parquet `file` (relative to the data folder), the `target` column and its
`positive` value, columns to `drop`, integer-coded `categories`, the `split` ("random": 20 % stratified test rows for
each seed, "time": the last 20 % of the rows in `order`) and how many `seeds`. Columns of text, and those named, are
categories; all others are numbers.
"""

from __future__ import annotations

import csv
import os
import platform
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

sys.path.insert(0, str(Path(__file__).parents[2]))

from data.column import Column
from data.table import Table
from models.estimators.table_classifier import TableClassifier
from models.presets import Preset

HEADER = ["task", "model", "seed", "auc", "average_precision", "log_loss", "brier", "seconds"]
KEYS = HEADER[:3]
MANY_LEVELS = 1000
TEST_FRACTION, VALIDATION_FRACTION = 0.2, 0.15


@dataclass(frozen=True)
class Task:
    """One task: its feature columns and 0/1 target in the task's order, which columns are categories, how it is split.

    `by_time` says that the last rows are the test rows, whatever the seed.
    """

    name: str
    frame: pd.DataFrame
    target: np.ndarray
    categories: list[str]
    by_time: bool
    n_seeds: int

    @property
    def table(self) -> Table:
        """The table of the features: categories are keys if they have many levels."""

        def column(name: str) -> Column:
            if name not in self.categories:
                return Column(name=name, kind="number", optional=True)
            many = self.frame[name].nunique() > MANY_LEVELS
            return Column(name=name, kind="key" if many else "category", optional=True)

        return Table(name=self.name, columns=tuple(map(column, self.frame.columns)))

    def split(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Row numbers of the training and the test set."""
        rows = np.arange(len(self.target))
        if self.by_time:
            cut = int(len(rows) * (1 - TEST_FRACTION))
            return rows[:cut], rows[cut:]
        train, test = train_test_split(rows, test_size=TEST_FRACTION, random_state=seed, stratify=self.target)
        return train, test

    def rows(self, numbers: np.ndarray) -> Task:
        """The same task on these rows alone."""
        frame = self.frame.iloc[numbers].reset_index(drop=True)
        return Task(self.name, frame, self.target[numbers], self.categories, self.by_time, self.n_seeds)


def load_task(name: str, spec: dict[str, Any], data: Path) -> Task:
    """A task as its section of the task file describes it."""
    frame = pd.read_parquet(data / spec["file"])
    if "order" in spec:
        frame = frame.sort_values(spec["order"], kind="stable").reset_index(drop=True)
    target = (frame.pop(spec["target"]) == spec["positive"]).to_numpy(int)
    frame = frame.drop(columns=spec.get("drop", [])).rename(columns=str)
    named = spec.get("categories", [])
    categories = [c for c in frame.columns if c in named or not pd.api.types.is_numeric_dtype(frame[c])]
    return Task(name, frame, target, categories, spec["split"] == "time", spec.get("seeds", 1))


def read_tasks(task_file: Path, data: Path, wanted: str) -> Iterator[Task]:
    """The tasks of these names, separated by commas, or "all"; one at a time, because they may be large."""
    specs = tomllib.loads(task_file.read_text())
    names = list(specs) if wanted == "all" else wanted.split(",")
    if unknown := [name for name in names if name not in specs]:
        raise SystemExit(f"no task {', '.join(unknown)} in {task_file}; it has {', '.join(specs)}")
    return (load_task(name, specs[name], data) for name in names)


def fit_ours(
    task: Task, train: np.ndarray, preset: Preset, seed: int, kind: type[TableClassifier] = TableClassifier
) -> TableClassifier:
    """Our model of these rows, some of which stop the training."""
    fit, validation = train_test_split(
        train, test_size=VALIDATION_FRACTION, random_state=seed, stratify=task.target[train]
    )
    frame, target = task.frame, task.target
    return kind(task.table, preset, seed).fit(
        frame.iloc[fit], target[fit], validation=(frame.iloc[validation], target[validation])
    )


def measured(name: str, model: str, seed: int, truth: np.ndarray, predict: Callable[[], np.ndarray]) -> list[Any]:
    """A row of the result: `predict` fits and returns the test rows' probabilities, and is timed."""
    started = time.perf_counter()
    probabilities = np.clip(np.asarray(predict(), float), 1e-7, 1 - 1e-7)
    seconds = time.perf_counter() - started
    metrics = (roc_auc_score, average_precision_score, log_loss, brier_score_loss)
    return [name, model, seed, *(f"{metric(truth, probabilities):.5f}" for metric in metrics), f"{seconds:.1f}"]


class Results:
    """A CSV file that grows by a row for each measurement, so that one that is stopped can go on where it was."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(",".join(HEADER) + "\n")
        self._known = {tuple(key) for key in self.read()[KEYS].astype(str).to_numpy()}

    def __contains__(self, key: Sequence[object]) -> bool:
        return tuple(map(str, key)) in self._known

    def add(self, row: list[Any]) -> None:
        """Write the row and show it."""
        with self.path.open("a", newline="") as file:
            csv.writer(file).writerow(row)
        print(*row, flush=True)

    def read(self) -> pd.DataFrame:
        """Every row of the file."""
        return pd.read_csv(self.path)


def boosting_peers() -> dict[str, Callable[[int], Any]]:
    """XGBoost and LightGBM as the fraud handbook sets them, made from a seed; only those that are installed."""
    peers: dict[str, Callable[[int], Any]] = {}
    if find_spec("xgboost"):
        from xgboost import XGBClassifier

        options = {"n_estimators": 200, "max_depth": 5, "learning_rate": 0.05, "n_jobs": 1}
        peers["XGBoost"] = lambda seed: XGBClassifier(**options, random_state=seed)
    if find_spec("lightgbm"):
        from lightgbm import LGBMClassifier

        peers["LightGBM"] = lambda seed: LGBMClassifier(
            n_estimators=200, learning_rate=0.05, n_jobs=1, random_state=seed, verbose=-1
        )
    return peers


def setting() -> str:
    """Machine, versions and threads in one line."""
    processor = platform.processor() or platform.machine()
    if (cpuinfo := Path("/proc/cpuinfo")).exists():
        processor = next((line.split(": ")[1] for line in cpuinfo.read_text().splitlines() if "model name" in line), "")
    versions = []
    for package in ("numpy", "numba", "scikit-learn", "torch", "lightgbm", "xgboost", "catboost"):
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            versions.append(f"no {package}")
    threads = os.environ.get("OMP_NUM_THREADS", "as many as cores")
    return (
        f"{processor}, {os.cpu_count()} cores, threads: {threads}; Python {platform.python_version()}, "
        f"{', '.join(versions)}"
    )
