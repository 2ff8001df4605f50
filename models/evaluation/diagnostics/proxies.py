"""Proxy variables: how well the model's inputs predict protected columns that it does not read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from data.column import Column
from data.sentences import label, spoken
from data.table import Table
from models.arrays import Floats
from models.evaluation.bins import Bins, Codes, is_missing
from models.evaluation.diagnostics.groups import protected_columns
from models.evaluation.diagnostics.results import Proxies, StandIn
from models.evaluation.metrics import auc_by_ranks
from models.evaluation.row_groups import MIN_ROWS, groups_by

MAX_ROWS = 4_000
N_FOLDS = 3
N_STRONGEST = 5
MAX_CLASSES = 5
_N_BINS = 32


def proxies(table: Table, frame: pd.DataFrame, *, seed: int) -> tuple[Proxies, ...]:
    """For each protected column that is no input, how well all inputs, and each alone, predict it.

    The target is "above the median" for a number such as age, else the level, one against the rest. Levels with
    fewer than MIN_ROWS rows are left out, and so are columns with fewer than two levels left.

    Parameters
    ----------
    frame : checked training rows; at most MAX_ROWS, drawn at random, are used.
    """
    if len(frame) > MAX_ROWS:
        frame = frame.iloc[np.sort(np.random.default_rng(seed).choice(len(frame), MAX_ROWS, replace=False))]
    inputs = [column for column in table.of_role("feature") if column.kind != "time"]
    bins = {column.name: Bins.of(column, frame[column.name], n_bins=_N_BINS) for column in inputs}
    codes = {name: binned.codes(frame[name]) for name, binned in bins.items()}
    found = []
    for column in protected_columns(table, frame):
        if column not in table.inputs and inputs:
            question, classes = _question(column, frame[column.name])
            rows = classes >= 0
            if len(np.unique(classes[rows])) > 1:
                those = {name: of_all[rows] for name, of_all in codes.items()}
                found.append(_proxies_of(column, question, inputs, those, classes[rows], seed))
    return tuple(found)


def _question(column: Column, values: pd.Series[Any]) -> tuple[str, npt.NDArray[np.int64]]:
    """The prediction target in words, and the class of each row, -1 for rows left out."""
    present = ~is_missing(column, values)
    if column.kind in ("number", "time") and present.any():
        middle = values[present].sort_values().iloc[int(present.sum() - 1) // 2]
        classes = np.where(present, values > middle, -1).astype(np.int64)
        return f"above {spoken(column, middle)} or not", _frequent(classes)
    groups = groups_by(column, values)
    classes = _frequent(np.where(present, groups.cat.codes, -1))
    kept = [str(name) for code, name in enumerate(groups.cat.categories) if (classes == code).any()]
    return f"which of: {'; '.join(kept)}", classes


def _frequent(classes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Classes with -1 for those too rare to learn, or not among the MAX_CLASSES most frequent."""
    known, n_rows = np.unique(classes[classes >= 0], return_counts=True)
    most_frequent = known[np.argsort(-n_rows, kind="stable")][:MAX_CLASSES]
    kept = np.intersect1d(most_frequent, known[n_rows >= MIN_ROWS])
    return np.where(np.isin(classes, kept), classes, -1)


def _proxies_of(
    column: Column,
    question: str,
    inputs: list[Column],
    codes: Mapping[str, Codes],
    classes: npt.NDArray[np.int64],
    seed: int,
) -> Proxies:
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    boosting = HistGradientBoostingClassifier(
        max_iter=50,
        early_stopping=False,
        categorical_features=[other.kind != "number" for other in inputs],
        random_state=seed,
    )
    X = np.stack([codes[other.name] for other in inputs], axis=1).astype(np.float64)
    together = cross_val_predict(boosting, X, classes, cv=folds, method="predict_proba")
    alone = [
        StandIn(column=other.name, label=label(other), auc=_auc(classes, _rates(codes[other.name], classes, folds)))
        for other in inputs
    ]
    return Proxies(
        column=column.name,
        label=label(column),
        question=question,
        n_rows=len(classes),
        together=_auc(classes, together),
        strongest=tuple(sorted(alone, key=lambda stand_in: -stand_in.auc)[:N_STRONGEST]),
    )


def _rates(codes: Codes, classes: npt.NDArray[np.int64], folds: StratifiedKFold) -> Floats:
    """Cross-validated class shares of each row's bin, shape (n_rows, n_classes).

    Each bin has one pseudo-row of the overall class shares, so that an empty bin predicts those.
    """
    members = (classes[:, None] == np.unique(classes)).astype(np.float64)
    rates: Floats = np.empty_like(members)
    n_bins = int(codes.max()) + 1
    for known, held_out in folds.split(codes, classes):
        sums = np.stack([np.bincount(codes[known], of_class, n_bins) for of_class in members[known].T], axis=1)
        n_rows = np.bincount(codes[known], minlength=n_bins)[:, None]
        rates[held_out] = ((sums + members[known].mean(axis=0)) / (n_rows + 1))[codes[held_out]]
    return rates


def _auc(classes: npt.NDArray[np.int64], scores: Floats) -> float:
    """One-vs-rest AUC, averaged over the classes; `scores` as returned by `_rates`."""
    areas = [auc_by_ranks(classes == known, scores[:, i]) for i, known in enumerate(np.unique(classes))]
    return float(np.mean(areas))
