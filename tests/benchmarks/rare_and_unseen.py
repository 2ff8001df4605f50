"""Unseen IDs and rare events: ads models compared with LightGBM on the same rows.

    BACKSCORE_DATA_HOME=DIR python tests/benchmarks/rare_and_unseen.py [--tables criteo_10k,talkingdata]
        [--keep-negatives 0.1] [--preset balanced] [--seed 0]

Trains on each table by the split of its training job and judges the test rows: all of them, those in which every id was
seen, and those with at least 1, 5 and 10 ids that occur in no training row (where they are enough: 50 rows and five
events). Then trains anew from a share of the rows without the event, and says what that saves and costs. LightGBM
(extra `bench`; left out where it is not installed) gets ids as categories and stops early on the same validation rows.
One BLAS thread.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import sys
import time
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[2]))

from data.checking import checked_frame
from data.splits import SplitRows, split_rows
from data.table import Table
from models.arrays import Floats, Labels
from models.domains._discovery import load_domains
from models.evaluation.metrics import evaluate
from models.home import Home
from models.presets import PRESETS
from models.training.rows import rows_to_train_on

ADS = load_domains()["ads"]
MIN_ROWS, MIN_EVENTS = 50, 5


@dataclass(frozen=True)
class Task:
    """A table's checked rows, divided as its training job divides them."""

    table: Table
    frame: pd.DataFrame
    labels: Labels
    rows: SplitRows

    @property
    def test_labels(self) -> Labels:
        return self.labels[self.rows.test]

    def n_unseen(self) -> np.ndarray:
        """How many ids of each test row occur in no row that was trained on, shape (n_test,)."""
        known = self.frame.iloc[np.concatenate([self.rows.train, self.rows.validation])]
        test = self.frame.iloc[self.rows.test]
        names = [column.name for column in self.table.of_role("feature") if column.kind == "key"]
        return sum(
            (test[name].notna() & ~test[name].isin(known[name].unique())).to_numpy().astype(int) for name in names
        )


def read(name: str, data_home: Path | None, seed: int) -> Task:
    """The rows of a public table."""
    rows = rows_to_train_on(ADS, data=None, table=name, home=Home(Path("var")), data_home=data_home, seed=seed)
    table = ADS.restrict_inputs(rows.table)
    frame = checked_frame(table, rows.frame, rows.source, training=True)
    labels = table.labels(frame)
    times = None if table.time is None else frame[table.time.name].to_numpy()
    return Task(table, frame, labels, split_rows(rows.split, labels=labels, times=times, seed=seed))


def ours(task: Task, preset: str, seed: int, negative_sample_rate: float = 1.0) -> tuple[Floats, float]:
    """Probabilities of the test rows, and the seconds of training."""
    train, validation = task.rows.train, task.rows.validation
    started = time.perf_counter()
    scorer = ADS.build(task.table, PRESETS[preset], seed).fit(
        task.frame.iloc[train],
        task.labels[train],
        validation=(task.frame.iloc[validation], task.labels[validation]),
        negative_sample_rate=negative_sample_rate,
    )
    seconds = time.perf_counter() - started
    return scorer.probabilities(task.frame.iloc[task.rows.test]), seconds


def boosted(task: Task, seed: int) -> Floats:
    """LightGBM's probabilities of the test rows."""
    import lightgbm

    train, validation = task.rows.train, task.rows.validation
    known = task.frame.iloc[np.concatenate([train, validation])]
    X = task.frame[[column.name for column in task.table.of_role("feature")]].copy()
    for column in task.table.of_role("feature"):
        if column.kind != "number":
            levels = sorted(known[column.name].dropna().unique())
            X[column.name] = X[column.name].astype(pd.CategoricalDtype(levels))
    if task.table.time is not None:
        X["hour"] = task.frame[task.table.time.name].dt.hour
    model = lightgbm.LGBMClassifier(n_estimators=2000, learning_rate=0.03, verbose=-1, n_jobs=1, random_state=seed)
    model.fit(
        X.iloc[train],
        task.labels[train],
        eval_set=[(X.iloc[validation], task.labels[validation])],
        callbacks=[lightgbm.early_stopping(50, verbose=False)],
    )
    return model.predict_proba(X.iloc[task.rows.test])[:, 1]


def show(what: str, labels: Labels, probabilities: Floats, remark: str = "") -> None:
    """One line of figures."""
    found = evaluate(labels, probabilities)
    print(
        f"  {what:<34} AUC {found['auc']:.4f}   log-loss {found['log_loss']:.5f}   normalised entropy "
        f"{found['normalised_entropy']:.4f}   calibration ratio {found['calibration_ratio']:.2f}{remark}",
        flush=True,
    )


def measure(name: str, task: Task, *, preset: str, seed: int, negative_sample_rate: float) -> None:
    """Print the figures of one table."""
    whole, seconds = ours(task, preset, seed)
    answers = {"ours": whole}
    if find_spec("lightgbm"):
        answers["LightGBM"] = boosted(task, seed)
    n_unseen, labels = task.n_unseen(), task.test_labels
    parts = {"all": n_unseen >= 0, "no unseen id": n_unseen == 0}
    parts |= {f"{least} or more unseen ids": n_unseen >= least for least in (1, 5, 10)}
    for part, inside in parts.items():
        if inside.sum() >= MIN_ROWS and labels[inside].sum() >= MIN_EVENTS:
            print(f"{name}, test rows, {part}: {inside.sum():,} rows, {labels[inside].sum():,} events")
            for who, probabilities in answers.items():
                show(who, labels[inside], probabilities[inside])
    sampled, less = ours(task, preset, seed, negative_sample_rate)
    print(f"{name}, learned from a share of the rows without the event")
    show("all of them", labels, whole, f"   {seconds:.1f} s")
    show(f"{negative_sample_rate:g} of them, corrected", labels, sampled, f"   {less:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", default="criteo_10k,talkingdata")
    parser.add_argument("--keep-negatives", type=float, default=0.1)
    parser.add_argument("--preset", choices=PRESETS, default="balanced")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    home = os.environ.get("BACKSCORE_DATA_HOME")
    for name in arguments.tables.split(","):
        task = read(name, Path(home) if home else None, arguments.seed)
        measure(
            name,
            task,
            preset=arguments.preset,
            seed=arguments.seed,
            negative_sample_rate=arguments.keep_negatives,
        )


if __name__ == "__main__":
    main()
