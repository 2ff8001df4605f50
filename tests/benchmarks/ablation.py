"""Ablation of the recipe: the full recipe against variants without, or with another form of, one part.

    OMP_NUM_THREADS=1 python tests/benchmarks/ablation.py --task-file tasks.toml --data DIR --out DIR
        [--tasks all] [--seeds 2] [--variants none,no folds] [--preset balanced]

This is the measure to choose by, so it must not see the rows to judge by: it uses only rows that are test rows under no
seed of their task, divided once more. The full recipe is that of --preset; "best" and "fast" stand beside it. In
--out: ablation.csv with a row for each fit (those already there are not measured again), summary.txt and ablation.html.
Differences are variant less full recipe on the same rows, in ten-thousandths of AUC and of log-loss.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

sys.path.insert(0, str(Path(__file__).parents[2]))

from models.encoding.feature_groups import FeatureGroups
from models.estimators.calibration import LogOddsCalibrator
from models.estimators.classifier import BackpropClassifier
from models.estimators.table_classifier import TableClassifier
from models.presets import PRESETS, Preset, PresetName
from tests.benchmarks.comparison import Results, Task, fit_ours, measured, read_tasks, setting

FULL = "full recipe"


class _Ungrouped(BackpropClassifier):
    def fit(self, *arguments: Any, groups: FeatureGroups | None = None, **options: Any) -> BackpropClassifier:
        """Train every fold on all features."""
        return super().fit(*arguments, **options)


class WithoutCoarserView(TableClassifier):
    """All folds see the same."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.network = _Ungrouped(**self.network.get_params())


class _Identity(LogOddsCalibrator):
    def fit(self, *_: Any, **__: Any) -> LogOddsCalibrator:
        """Leave slope and offset as they are at the start."""
        return self


class WithoutCalibration(TableClassifier):
    """The networks' own log-odds."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.calibrator = _Identity()


@dataclass(frozen=True)
class Variant:
    """A recipe to compare with the full one."""

    preset: Preset
    kind: type[TableClassifier] = TableClassifier


def variants(preset: PresetName) -> dict[str, Variant]:
    """Every recipe by name, the full one first."""
    full = PRESETS[preset]

    def encoder(**changes: Any) -> Variant:
        return Variant(replace(full, encoder={**full.encoder, **changes}))

    def network(**changes: Any) -> Variant:
        return Variant(replace(full, network={**full.network, **changes}))

    return {
        FULL: Variant(full),
        "no target bins": encoder(n_target_bins=0),
        "no bins (scaled value alone)": encoder(n_bins=0, n_target_bins=0, most_values=0),
        "16 quantile bins": encoder(n_bins=16),
        "24 quantile bins": encoder(n_bins=24),
        "few-valued numbers as others": encoder(most_values=0),
        "no level statistics": encoder(statistics_from=0),
        "no coarser view": Variant(full, WithoutCoarserView),
        "one split in place of folds": network(n_folds=1),
        "10 folds": network(n_folds=10),
        "4 members a fold": network(n_members=4),
        "no input scales": network(input_scale_rate=0.0),
        "input scales at 5": network(input_scale_rate=5.0),
        "input scales at 20": network(input_scale_rate=20.0),
        "no dropout": network(dropout=0.0),
        "dropout 0.2": network(dropout=0.2),
        "weight decay 0.01": network(weight_decay=0.01),
        "relu": network(activation="relu"),
        "128-64 units": network(hidden_layer_sizes=(128, 64)),
        "cosine": network(schedule="cosine", learning_rate=2e-3),
        "coslog4": network(schedule="coslog4", learning_rate=2e-3, max_epochs=48, patience=24),
        "no calibration": Variant(full, WithoutCalibration),
        "best": Variant(PRESETS["best"]),
        "fast": Variant(PRESETS["fast"]),
    }


def development_rows(task: Task) -> np.ndarray:
    """Numbers of the rows that are test rows under no seed of the task."""
    used = np.zeros(len(task.target), bool)
    for seed in range(task.n_seeds):
        used[task.split(seed)[1]] = True
    return np.flatnonzero(~used)


def probabilities_of(variant: Variant, task: Task, train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """Fit a variant on the training rows; its probabilities for the test rows."""
    fitted = fit_ours(task, train, variant.preset, seed, variant.kind)
    return fitted.probabilities(task.frame.iloc[test])


def differences(rows: pd.DataFrame) -> pd.DataFrame:
    """Variant less full recipe in each fit: AUC and log-loss in ten-thousandths, seconds as a ratio."""
    wide = rows.set_index(["task", "seed", "model"])[["auc", "log_loss", "seconds"]].unstack()
    parts = {
        "AUC": wide["auc"].sub(wide["auc"][FULL], axis=0) * 1e4,
        "log-loss": wide["log_loss"].sub(wide["log_loss"][FULL], axis=0) * 1e4,
        "time": wide["seconds"].div(wide["seconds"][FULL].clip(lower=0.1), axis=0),
    }
    return pd.concat(parts, axis=1).stack(future_stack=True)


def summary(changes: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """A line a variant: the mean over tasks with its standard error over seeds, then the AUC of each task."""
    of_tasks = changes.groupby(["task", "model"]).mean()
    means = of_tasks.groupby("model").mean()
    over_seeds = changes.groupby(["seed", "model"]).mean().groupby("model")["AUC"]
    means.insert(1, "se", over_seeds.std() / np.sqrt(over_seeds.count()))
    table = pd.concat([means, of_tasks["AUC"].unstack("task")], axis=1)
    return table.reindex([name for name in names if name in table.index and name != FULL]).round(1)


def plot(changes: pd.DataFrame, names: Sequence[str], title: str) -> go.Figure:
    """For each variant its mean difference in AUC as a bar and every task's as a dot."""
    auc = changes.groupby(["task", "model"])["AUC"].mean().unstack()
    auc = auc[[name for name in reversed(names) if name in auc and name != FULL]]
    figure = go.Figure(go.Bar(x=auc.mean(), y=auc.columns, orientation="h", name="mean", marker_color="lightsteelblue"))
    for task, values in auc.iterrows():
        figure.add_scatter(x=values, y=auc.columns, mode="markers", name=str(task))
    figure.update_layout(
        title={"text": title, "font": {"size": 12}},
        xaxis={"title": "AUC less that of the full recipe, in ten-thousandths; left of 0 the piece helps"},
        height=250 + 26 * auc.shape[1],
        template="plotly_white",
    )
    return figure


def main() -> None:
    """Measure the requested contenders and write the table and the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default="all", help="names, separated by commas")
    parser.add_argument("--task-file", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder that the task file's paths start from")
    parser.add_argument("--variants", default="all", help=f"some of: {', '.join(variants('balanced'))}")
    parser.add_argument("--preset", choices=list(PRESETS), default="balanced", help="the full recipe")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    every = variants(arguments.preset)
    names = list(every) if arguments.variants == "all" else [FULL, *arguments.variants.split(",")]
    if unknown := [name for name in names if name not in every]:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(every)}")
    print(setting())
    results = Results(arguments.out / "ablation.csv")
    for whole in read_tasks(arguments.task_file, arguments.data, arguments.tasks):
        task = whole.rows(development_rows(whole))
        for seed in range(arguments.seeds):
            train, test = task.split(1000 + seed)
            for name in names:
                if (task.name, name, seed) not in results:
                    predict = partial(probabilities_of, every[name], task, train, test, seed)
                    results.add(measured(task.name, name, seed, task.target[test], predict))
    changes = differences(results.read())
    text = f"{setting()}\n\n{summary(changes, names).to_string()}\n"
    print(f"\n{text}")
    (arguments.out / "summary.txt").write_text(text)
    plot(changes, names, setting()).write_html(arguments.out / "ablation.html", include_plotlyjs=True)


if __name__ == "__main__":
    main()
