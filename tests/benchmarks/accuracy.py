"""Measure our presets and other libraries on comparison tasks, on the same rows.

    OMP_NUM_THREADS=1 python tests/benchmarks/accuracy.py --task-file tasks.toml --data DIR --out DIR
        [--tasks taiwan,german] [--presets fast,balanced,best] [--peers lightgbm,xgboost,catboost,mlp,lr]
        [--peers-csv peers.csv]

`comparison` says what a task file holds. For each task and seed every preset and every peer is fitted in turn, in this
process; --peers-csv takes peers that were measured on the same tasks before. In --out: accuracy.csv with a row for each
fit (those already there are not measured again), summary.txt and accuracy.html. A gap is our mean AUC less that of the
best boosted trees; ranks are those in log-loss among all peers, mean over the tasks.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

sys.path.insert(0, str(Path(__file__).parents[2]))

from models.presets import PRESETS
from tests.benchmarks.comparison import Results, Task, fit_ours, measured, read_tasks, setting

OURS = "backscore_"
TREES = ["lightgbm", "xgboost", "catboost"]
PEERS = [*TREES, "mlp", "lr"]


def linear_model(model: str, categories: list[str], numbers: list[str], seed: int) -> Any:
    """Logistic regression, or scikit-learn's network, on one-hot categories and scaled numbers."""
    inputs = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", min_frequency=5), categories),
        (make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()), numbers),
        sparse_threshold=1.0,
    )
    if model == "lr":
        return make_pipeline(inputs, LogisticRegression(max_iter=3000))
    return make_pipeline(inputs, MLPClassifier((128, 64), early_stopping=True, random_state=seed))


def boosted_trees(model: str, categories: list[str], seed: int) -> tuple[Any, dict[str, Any]]:
    """Boosting with early stopping, and what its `fit` is to be given beside the rows."""
    if model == "catboost":
        from catboost import CatBoostClassifier

        options = {"iterations": 2000, "early_stopping_rounds": 50, "cat_features": categories, "verbose": 0}
        return CatBoostClassifier(**options, random_seed=seed, allow_writing_files=False), {}
    if model == "lightgbm":
        import lightgbm

        options = {"min_child_samples": 40, "subsample": 0.8, "subsample_freq": 1, "colsample_bytree": 0.7}
        trees = lightgbm.LGBMClassifier(
            n_estimators=3000, learning_rate=0.03, reg_lambda=1.0, random_state=seed, verbose=-1, **options
        )
        return trees, {"callbacks": [lightgbm.early_stopping(100, verbose=False)]}
    import xgboost

    options = {"max_depth": 6, "subsample": 0.8, "colsample_bytree": 0.7, "min_child_weight": 5}
    trees = xgboost.XGBClassifier(
        n_estimators=3000,
        learning_rate=0.03,
        enable_categorical=True,
        early_stopping_rounds=100,
        eval_metric="logloss",
        random_state=seed,
        **options,
    )
    return trees, {"verbose": False}


def peer_probabilities(model: str, task: Task, train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """A peer's probabilities for the test rows, with its usual treatment of categories and gaps."""
    numbers = [name for name in task.frame.columns if name not in task.categories]
    frame = task.frame.astype(dict.fromkeys(numbers, float))
    for name in task.categories:
        frame[name] = frame[name].astype(object).where(frame[name].notna(), "(missing)").astype(str)
    X, y, X_test = frame.iloc[train], task.target[train], frame.iloc[test]
    if model not in TREES:
        fitted = linear_model(model, task.categories, numbers, seed).fit(X, y)
    else:
        if model != "catboost":
            levels = {name: pd.CategoricalDtype(sorted(X[name].unique())) for name in task.categories}
            X, X_test = X.astype(levels), X_test.astype(levels)
        fit, validation = train_test_split(np.arange(len(y)), test_size=0.15, random_state=seed, stratify=y)
        trees, options = boosted_trees(model, task.categories, seed)
        fitted = trees.fit(X.iloc[fit], y[fit], eval_set=[(X.iloc[validation], y[validation])], **options)
    probabilities: np.ndarray = fitted.predict_proba(X_test)[:, 1]
    return probabilities


def probabilities_of(model: str, task: Task, train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """Fit one of our presets or a peer on the training rows; its probabilities for the test rows."""
    if not model.startswith(OURS):
        return peer_probabilities(model, task, train, test, seed)
    ours = fit_ours(task, train, PRESETS[model.removeprefix(OURS)], seed)  # type: ignore[index]
    return ours.probabilities(task.frame.iloc[test])


def measure(task: Task, presets: list[str], peers: list[str], results: Results) -> None:
    """Fit the contenders that are not yet in the results, for every seed of the task."""
    for seed in range(task.n_seeds):
        train, test = task.split(seed)
        for model in [OURS + preset for preset in presets] + peers:
            if (task.name, model, seed) not in results:
                predict = partial(probabilities_of, model, task, train, test, seed)
                results.add(measured(task.name, model, seed, task.target[test], predict))


def gaps(means: pd.DataFrame) -> pd.DataFrame:
    """AUC of each contender less that of the best boosted trees; shape (n_tasks, n_models)."""
    auc = means["auc"].unstack()
    best = auc.reindex(columns=TREES).max(axis=1)
    return auc.sub(best, axis=0)


def summary(means: pd.DataFrame, ours: list[str]) -> str:
    """For each of our presets a line per task, then the requirements of a preset."""
    gap, loss, seconds = gaps(means), means["log_loss"].unstack(), means["seconds"].unstack()
    peers = [name for name in loss.columns if not name.startswith(OURS)]
    parts = []
    for model in ours:
        ranks = loss[[model, *peers]].rank(axis=1)
        over_mlp = means["auc"].unstack()[model] - means["auc"].unstack().reindex(columns=["mlp"])["mlp"]
        table = pd.DataFrame(
            {
                "AUC": means["auc"].unstack()[model],
                "gap to trees": gap[model],
                "over MLP": over_mlp,
                "log-loss": loss[model],
                "rank": ranks[model],
                "seconds": seconds[model],
            }
        )
        parts.append(
            f"{model}\n{table.round(4).to_string()}\n"
            f"mean gap {gap[model].mean():+.4f}, worst {gap[model].min():+.4f}, above the best trees on "
            f"{int((gap[model] > 0).sum())} of {gap[model].notna().sum()}; mean rank in log-loss: "
            f"{', '.join(f'{name} {rank:.2f}' for name, rank in ranks.mean().sort_values().items())}"
        )
    return "\n\n".join(parts)


def plot(means: pd.DataFrame, title: str) -> go.Figure:
    """The gap of every contender on every task."""
    gap = gaps(means)
    figure = go.Figure()
    for model in sorted(gap.columns, key=lambda name: (not name.startswith(OURS), name)):
        size = 14 if model.startswith(OURS) else 8
        figure.add_scatter(x=gap[model], y=gap.index, mode="markers", name=model, marker={"size": size, "opacity": 0.8})
    figure.add_vline(x=0, line_width=1)
    figure.update_layout(
        title={"text": title, "font": {"size": 12}},
        xaxis={"title": "AUC less that of the best boosted trees, mean over seeds", "range": [-0.04, 0.015]},
        height=200 + 60 * len(gap),
        template="plotly_white",
    )
    return figure


def main() -> None:
    """Measure the requested contenders and write the table and the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default="all", help="names, separated by commas")
    parser.add_argument("--task-file", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder that the task file's paths start from")
    parser.add_argument("--presets", default="balanced", help=f"some of {','.join(PRESETS)}")
    parser.add_argument("--peers", default="", help=f"some of {','.join(PEERS)}, fitted beside ours")
    parser.add_argument("--peers-csv", type=Path, help="rows of peers that were measured before")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    presets, peers = ([name for name in text.split(",") if name] for text in (arguments.presets, arguments.peers))
    for given, allowed in ((presets, list(PRESETS)), (peers, PEERS)):
        if unknown := [name for name in given if name not in allowed]:
            parser.error(f"unknown: {', '.join(unknown)}; allowed are {', '.join(allowed)}")
    print(setting())
    results = Results(arguments.out / "accuracy.csv")
    tasks = []
    for task in read_tasks(arguments.task_file, arguments.data, arguments.tasks):
        tasks.append(task.name)
        measure(task, presets, peers, results)
    rows = results.read()
    if arguments.peers_csv:
        rows = pd.concat([rows, pd.read_csv(arguments.peers_csv)]).drop_duplicates(["task", "model", "seed"])
    rows = rows[rows["task"].isin(tasks)]
    complete = rows.groupby("model")["task"].nunique() == len(tasks)
    rows = rows[rows["model"].map(complete) | rows["model"].isin(PEERS)]
    means = rows.groupby(["task", "model"])[["auc", "log_loss", "seconds"]].mean()
    text = f"{setting()}\n\n{summary(means, [OURS + preset for preset in presets])}\n"
    print(f"\n{text}")
    (arguments.out / "summary.txt").write_text(text)
    plot(means, setting()).write_html(arguments.out / "accuracy.html", include_plotlyjs=True)


if __name__ == "__main__":
    main()
