"""Multiclass task on texts: as `classes`, beside what most people would reach for on texts."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

from data.table import Table
from models.arrays import Floats
from models.contract import Task
from models.evaluation.metrics import Contender
from models.tasks.classes import classes, evaluate_classes, level_shares

MAX_ROWS = 4_000
"""Training rows of the regression: its time grows with rows, classes and n-grams alike."""


def text_classes(*, probabilities: str, probability: str) -> Task:
    """See `classes`; the rows have one text."""
    return replace(classes(probabilities=probabilities, probability=probability), baselines=text_baselines)


def text_baselines(
    train: pd.DataFrame, targets: Any, test: pd.DataFrame, test_targets: Any, *, table: Table, seed: int
) -> dict[str, Contender]:
    """The shares of the classes, and logistic regression on scikit-learn's TF-IDF of words and characters."""
    name = table.text.name
    weights, constant = table.row_weights(train), level_shares(table, targets, table.row_weights(train), len(test))
    some = np.sort(np.random.default_rng(seed).permutation(len(train))[:MAX_ROWS])
    started = perf_counter()
    model = tf_idf_regression(seed)
    texts = train[name].fillna("").iloc[some]
    model.fit(texts, targets[some], logisticregression__sample_weight=None if weights is None else weights[some])
    probabilities: Floats = np.zeros_like(constant)
    probabilities[:, model.classes_] = model.predict_proba(test[name].fillna(""))
    seconds, note = perf_counter() - started, f"trained on {len(some):,} random rows" if len(some) < len(train) else ""

    def contender(found: Floats, seconds: float, note: str = "") -> Contender:
        return Contender(found, evaluate_classes(test_targets, found, table.row_weights(test)), seconds, note)

    return {
        "shares of the levels": contender(constant, 0.0),
        "logistic regression": contender(probabilities, seconds, note),
    }


def tf_idf_regression(seed: int) -> Any:
    """Logistic regression on `tf_idf`."""
    return make_pipeline(tf_idf(), LogisticRegression(C=10.0, max_iter=200, random_state=seed))


def tf_idf() -> Any:
    """The TF-IDF of words and pairs of words, and of pieces of words, by scikit-learn."""
    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", sublinear_tf=True)  # noqa: S106
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    return make_union(words, characters)
