"""Fraud on the handbook's protocol: our network, logistic regression, XGBoost, LightGBM and MLPClassifier(500).

    BACKSCORE_DATA_HOME=DIR python tests/benchmarks/fraud_handbook.py [--first-day 2018-07-11] [--seeds 3]
    BACKSCORE_DATA_HOME=DIR python tests/benchmarks/fraud_handbook.py --weeks

Training takes the seven days from --first-day on; the test is the seven days after another seven, without cards known
as compromised (see `handbook_protocol`). Ours reads the windows of the table `handbook`, and so do the peers marked so;
the others read the handbook's own 15 features. Figures are means over the seeds, seconds those of one training. --weeks
goes through all weeks that the file has history for; what was chosen was chosen without the last of them. --data takes
another file with the same columns, for example one that goes on longer. One thread for everything.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[2]))

from data.files.sources import read_frame
from data.tables._catalogue import load_public
from models.presets import PRESETS, PresetName
from tests.benchmarks.comparison import boosting_peers, setting
from tests.benchmarks.handbook_protocol import FIGURES, PEERS, TABLE, History, fit_ours, log_odds_of

Scores = Callable[[History, np.ndarray, np.ndarray, int], np.ndarray]
"""History, training rows, test rows, seed -> scores of the test rows."""


def ours(preset: PresetName) -> Scores:
    """The model that the training job builds."""

    def scores(history: History, training: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
        return log_odds_of(fit_ours(history, training, PRESETS[preset], seed), history.frame.iloc[test])

    return scores


def peer(make: Callable[[int], Any], *, on_our_windows: bool = False) -> Scores:
    """A usual model on the handbook's features, or on ours."""

    def scores(history: History, training: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
        X = history.frame[[c.name for c in TABLE.of_role("feature")]] if on_our_windows else history.handbook
        model = make(seed).fit(X.iloc[training], history.labels[training])
        return np.asarray(model.predict_proba(X.iloc[test])[:, 1])

    return scores


def contenders(preset: PresetName) -> dict[str, Scores]:
    """All models by name; those that take gaps are also tried on our windows."""
    on_ours = {f"{name}, our windows": peer(PEERS[name], on_our_windows=True) for name in boosting_peers()}
    return {f"ours ({preset})": ours(preset), **{name: peer(make) for name, make in PEERS.items()}, **on_ours}


def measure(history: History, models: dict[str, Scores], first_days: Sequence[int], n_seeds: int) -> pd.DataFrame:
    """A row for each model, week and seed; printed as they come."""
    rows = []
    for first_day in first_days:
        training, test = history.week(first_day)
        begin = f"{history.first_day + pd.Timedelta(days=first_day):%Y-%m-%d}"
        n_frauds = history.labels[training].sum(), history.labels[test].sum()
        print(
            f"training from {begin}: {len(training):,} rows, {n_frauds[0]} frauds; test: {len(test):,}, {n_frauds[1]}"
        )
        for name, scores in models.items():
            for seed in range(n_seeds):
                started = time.perf_counter()
                predicted = scores(history, training, test, seed)
                seconds = time.perf_counter() - started
                figures = history.figures(test, predicted)
                rows.append({"week": begin, "model": name, "seed": seed, **dict(zip(FIGURES, figures, strict=True))})
                rows[-1]["seconds"] = seconds
                print("  ", name, seed, *(f"{figure:.4f}" for figure in figures), f"{seconds:.1f} s", flush=True)
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="CSV or parquet file in place of the public table")
    parser.add_argument("--first-day", default="2018-07-11", help="of training")
    parser.add_argument("--weeks", action="store_true", help="all weeks, in place of that of --first-day")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--preset", choices=list(PRESETS), default="balanced")
    parser.add_argument("--models", default="", help="only those whose name begins so, separated by commas")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    home = os.environ.get("BACKSCORE_DATA_HOME")
    if arguments.data:
        rows = read_frame(arguments.data)
    else:
        _, rows = load_public("handbook", Path(home) if home else None, Path(tempfile.gettempdir()))
    history = History.of(rows)
    print(setting())
    print(
        f"{len(rows):,} transactions; seconds for our {len(TABLE.windows)} windows, with the check of all rows: "
        f"{history.seconds_windows:.1f}; for the handbook's 15 features: {history.seconds_handbook:.1f}"
    )
    first_day = (pd.Timestamp(arguments.first_day) - history.first_day).days
    wanted = tuple(arguments.models.split(","))
    models = {name: scores for name, scores in contenders(arguments.preset).items() if name.startswith(wanted)}
    found = measure(history, models, history.weeks() if arguments.weeks else [first_day], arguments.seeds)
    columns = [*FIGURES, "seconds"]
    if arguments.weeks:
        for figure in FIGURES:
            print(f"\n{figure} by week")
            print(found.pivot_table(figure, "model", "week", sort=False).round(4).to_string())
    print("\nmean over weeks and seeds")
    print(found.groupby("model", sort=False)[columns].mean().round(4).to_string())


if __name__ == "__main__":
    main()
