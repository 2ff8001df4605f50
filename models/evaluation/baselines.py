"""Baselines: logistic regression and gradient boosting on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from data.column import Column
from data.table import Table
from models.arrays import Floats, Labels
from models.evaluation.metrics import Contender, evaluate

MAX_LINEAR_ROWS = 200_000


def baselines(
    train: pd.DataFrame,
    train_labels: Labels,
    test: pd.DataFrame,
    test_labels: Labels,
    *,
    table: Table,
    seed: int,
    evaluate: Callable[..., dict[str, float]] = evaluate,
    read: Callable[[Floats], Floats] = lambda found: found[:, 1],
) -> dict[str, Contender]:
    """Train and evaluate logistic regression and gradient boosting with standard preprocessing.

    Inputs are numbers, categories, flags, and the hour and weekday of times; IDs (keys, entities) are left out. Missing
    categories are a level of their own; missing numbers are imputed by median and flag for the regression, and handled
    by the trees natively.

    Parameters
    ----------
    train, test : rows as returned by `data.checking.checked_frame`.
    train_labels, test_labels : 0 or 1, or the position of a level, of shape (n_rows,).
    table : the columns; rows count by the weights that it names.
    evaluate, read : metrics of the task, and its predictions from the probabilities of all classes.

    Returns
    -------
    dict with "logistic regression" and "gradient boosting".
    """
    columns = _columns_but_ids(table)
    left_out = [column.name for column in table.of_role("feature") if column.kind == "key"]
    without_ids = [f"without the ID column(s) {', '.join(left_out)}"] if left_out else []
    inputs, test_inputs = _inputs(columns, train), _inputs(columns, test)
    numbers, categories = _positions(inputs)
    weights, test_weights = table.row_weights(train), table.row_weights(test)

    def judged(encoder: Any, model: Any, rows: npt.NDArray[np.intp], notes: list[str]) -> Contender:
        start = perf_counter()
        row_weights = None if weights is None else weights[rows]
        model.fit(encoder.fit_transform(inputs.iloc[rows]), train_labels[rows], sample_weight=row_weights)
        probabilities = read(model.predict_proba(encoder.transform(test_inputs)).astype(np.float64))
        seconds = perf_counter() - start
        return Contender(probabilities, evaluate(test_labels, probabilities, test_weights), seconds, "; ".join(notes))

    linear, trees = LogisticRegression(max_iter=1000), _boosted_trees(train_labels, range(len(categories)), seed)
    some, every = _some_rows(len(train), seed), np.arange(len(train))
    subsampled = [f"trained on {len(some):,} random rows"] if len(some) < len(train) else []
    return {
        "logistic regression": judged(_linear_encoder(numbers, categories), linear, some, subsampled + without_ids),
        "gradient boosting": judged(_tree_encoder(numbers, categories), trees, every, without_ids),
    }


def boosted_trees(
    train: pd.DataFrame, labels: Labels, *, table: Table, seed: int, weights: Floats | None = None
) -> Callable[[pd.DataFrame], Floats]:
    """Train only the gradient boosting of `baselines`; returns a function from checked rows to probabilities."""
    columns = _columns_but_ids(table)
    inputs = _inputs(columns, train)
    numbers, categories = _positions(inputs)
    encoder, model = _tree_encoder(numbers, categories), _boosted_trees(labels, range(len(categories)), seed)
    model.fit(encoder.fit_transform(inputs), labels, sample_weight=weights)
    return lambda frame: model.predict_proba(encoder.transform(_inputs(columns, frame)))[:, 1].astype(np.float64)


def boosted_quantiles(
    train: pd.DataFrame, targets: Floats, test: pd.DataFrame, *, table: Table, seed: int, levels: Floats
) -> tuple[Floats, float]:
    """Gradient boosting per quantile: sorted predictions of shape (n_rows, n_levels), and the seconds taken."""
    start, columns = perf_counter(), _columns_but_ids(table)
    inputs, test_inputs = _inputs(columns, train), _inputs(columns, test)
    numbers, categories = _positions(inputs)
    encoder = _tree_encoder(numbers, categories)
    X, X_test, weights = encoder.fit_transform(inputs), encoder.transform(test_inputs), table.row_weights(train)
    places = list(range(len(categories)))
    models = [
        HistGradientBoostingRegressor(
            loss="quantile", quantile=level, learning_rate=0.05, max_iter=200, categorical_features=places,
            early_stopping=len(train) >= 200, n_iter_no_change=20, random_state=seed,
        ).fit(X, targets, sample_weight=weights)
        for level in levels.tolist()
    ]  # fmt: skip
    predictions = np.sort(np.stack([model.predict(X_test) for model in models], axis=1), axis=1)
    return predictions.astype(np.float64), perf_counter() - start


def _columns_but_ids(table: Table) -> list[Column]:
    return [column for column in table.features if column.kind != "key"]


def _some_rows(n_rows: int, seed: int) -> npt.NDArray[np.intp]:
    """Random rows for the linear model; more would cost time and hardly change its few coefficients."""
    if n_rows <= MAX_LINEAR_ROWS:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(seed).choice(n_rows, MAX_LINEAR_ROWS, replace=False))


def _inputs(columns: Sequence[Column], frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers as floats (NaN if missing), everything else as text; columns are named by position."""
    parts: list[Any] = [np.zeros(len(frame))]  # a constant, in case every column is an ID
    for column in columns:
        values = frame[column.name]
        if column.kind == "number":
            codes = [code for code in column.missing if not isinstance(code, str)]
            parts.append(values.astype(np.float64).where(~values.isin(codes)).to_numpy())
        elif column.kind == "time":
            parts.append((values.dt.hour + values.dt.minute / 60).to_numpy(np.float64))
            parts.append(values.dt.day_of_week.to_numpy(np.float64))
        else:
            parts.append(values.where(values.notna(), "(missing)").to_numpy(object))
    return pd.DataFrame(dict(enumerate(parts)))


def _positions(inputs: pd.DataFrame) -> tuple[list[int], list[int]]:
    """Positions of numeric and of categorical inputs; numbers that are almost always missing are left out."""
    min_known = min(20 + len(inputs) // 10_000, len(inputs))  # boosting fails if its subsample has no value at all
    is_number = [dtype == np.float64 for dtype in inputs.dtypes]
    numbers = [i for i, yes in enumerate(is_number) if yes and inputs[i].notna().sum() >= min_known]
    return numbers, [i for i, yes in enumerate(is_number) if not yes]


def _linear_encoder(numbers: list[int], categories: list[int]) -> Any:
    """Encoder for the linear model: scaled numbers, and a column for each level that occurs at least five times."""
    gaps = SimpleImputer(strategy="median", add_indicator=True)
    return make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", min_frequency=5), categories),
        (make_pipeline(gaps, StandardScaler()), numbers),
        sparse_threshold=1.0,
    )


def _tree_encoder(numbers: list[int], categories: list[int]) -> Any:
    """Encoder for boosted trees: ordinal levels, of which the rarest share the last code, then raw numbers."""
    # Scikit-learn's boosting accepts at most 255 levels
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=255)
    return make_column_transformer((codes, categories), ("passthrough", numbers))


def _boosted_trees(labels: Labels, categories: Sequence[int], seed: int) -> Any:
    """Boosting with early stopping on a tenth of its rows."""
    # Its validation rows must hold some of each class; without it, few iterations limit overfitting
    enough_for_early_stopping = np.bincount(labels, minlength=2).min() >= 20
    return HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_iter=500 if enough_for_early_stopping else 50,
        early_stopping=bool(enough_for_early_stopping),
        n_iter_no_change=20,
        categorical_features=list(categories),
        random_state=seed,
    )
