"""How good probabilities are: metrics, the comparison of two models, and what usual models reach on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score, roc_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from data.table import Column, Table
from models.errors import ModelError
from models.resampling import resampled_sums
from models.scoring import Floats, Labels

LEAST_PROBABILITY = 1e-7
"""Probabilities are clipped to this and one minus it before a logarithm is taken; one sure error stays finite."""


class OneClassError(ModelError):
    """Rows to judge a model by that all have, or all lack, the event."""

    def __init__(self, labels: Labels) -> None:
        held = f"all {len(labels)} are {labels[0]}" if len(labels) else "there are none"
        super().__init__(
            f"the rows to evaluate on must hold both classes, but {held}; give more rows or split otherwise"
        )


def evaluate(labels: Labels, probabilities: Floats, weights: Floats | None = None) -> dict[str, float]:
    """Judge probabilities by what happened.

    Parameters
    ----------
    labels, probabilities, weights : of shape (n_rows,); labels are 0 or 1, and both occur (else OneClassError).

    Returns
    -------
    dict
        `auc`, area under the ROC curve, 0.5..1, higher is better; `gini`, 2 auc - 1.
        `average_precision`, area under the precision-recall curve, positive_rate..1, higher is better.
        `ks`, largest distance of the score's distribution functions of the two classes, 0..1, higher is better.
        `log_loss`, in nats, lower is better; see LEAST_PROBABILITY. `brier`, mean squared error, lower is better.
        `calibration_error`, see `calibration_error`. `calibration_ratio`, mean probability / observed rate, best is 1.
        `normalised_entropy`, log-loss / that of always answering the observed rate (He et al. 2014, "Practical lessons
        from predicting clicks on ads at Facebook"); lower is better, 1 is no better than knowing the rate.
        `positive_rate`, share of the event among the rows. `n_rows`.
    """
    if len(labels) == 0 or labels.min() == labels.max():
        raise OneClassError(labels)
    rate = float(np.average(labels, weights=weights))
    auc = float(roc_auc_score(labels, probabilities, sample_weight=weights))
    loss = float(log_loss(labels, _clipped(probabilities), sample_weight=weights))
    false_positive_rates, true_positive_rates, _ = roc_curve(labels, probabilities, sample_weight=weights)
    return {
        "auc": auc,
        "gini": 2 * auc - 1,
        "average_precision": float(average_precision_score(labels, probabilities, sample_weight=weights)),
        "ks": float(np.abs(true_positive_rates - false_positive_rates).max()),
        "log_loss": loss,
        "brier": float(brier_score_loss(labels, probabilities, sample_weight=weights)),
        "calibration_error": calibration_error(labels, probabilities, weights),
        "calibration_ratio": float(np.average(probabilities, weights=weights)) / rate,
        "normalised_entropy": loss / float(-(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))),
        "positive_rate": rate,
        "n_rows": float(len(labels)),
    }


@dataclass(frozen=True)
class Contender:
    """A model judged on the test rows.

    Parameters
    ----------
    probabilities : of the test rows, shape (n_rows,).
    metrics : see `evaluate`.
    seconds : wall time of training and predicting.
    notes : what a reader should know before comparing.
    """

    probabilities: Floats
    metrics: dict[str, float]
    seconds: float
    notes: str = ""


@dataclass(frozen=True)
class CalibrationBins:
    """Rows grouped by their probability; each array has shape (n_bins,), lowest probabilities first.

    Parameters
    ----------
    predicted, observed : mean probability and rate of the event in each bin.
    n_rows, weights : number and weight of its rows.
    """

    predicted: Floats
    observed: Floats
    n_rows: npt.NDArray[np.int64]
    weights: Floats


def calibration_bins(
    labels: Labels, probabilities: Floats, weights: Floats | None = None, *, n_bins: int = 10
) -> CalibrationBins:
    """Group rows into bins of equal count; equal probabilities share a bin, so there may be fewer bins."""
    row_weights = np.ones(len(labels)) if weights is None else weights
    inner_edges = np.quantile(probabilities, np.arange(1, n_bins) / n_bins)
    bins = np.searchsorted(inner_edges, probabilities, side="right")
    n_rows = np.bincount(bins, minlength=n_bins)
    sums = [np.bincount(bins, row_weights * values, n_bins) for values in (1.0, probabilities, labels)]
    filled = n_rows > 0
    weight, predicted, observed = (values[filled].astype(np.float64) for values in sums)
    return CalibrationBins(predicted / weight, observed / weight, n_rows[filled], weight)


def calibration_error(labels: Labels, probabilities: Floats, weights: Floats | None = None) -> float:
    """Expected calibration error, 0..1: sum over the bins b of (n_b / n) * |mean probability_b - observed rate_b|.

    Naeini et al. 2015, "Obtaining well calibrated probabilities using Bayesian binning", with ten bins of equal count
    in place of equal width (Nguyen and O'Connor 2015), which says something about rare events too. A perfect model has
    a little above 0: in bins of few rows the observed rate differs from the true one by chance.
    """
    bins = calibration_bins(labels, probabilities, weights)
    return float(np.average(np.abs(bins.predicted - bins.observed), weights=bins.weights))


def _clipped(probabilities: Floats) -> Floats:
    return np.clip(probabilities, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)


@dataclass(frozen=True)
class Comparison:
    """By how much the log-loss of one model exceeds that of another on the same rows; negative is better.

    Parameters
    ----------
    difference : mean over the rows, in nats.
    low, high : ends of its 90 % interval.
    """

    difference: float
    low: float
    high: float

    @property
    def worse(self) -> bool:
        """Worse beyond chance: were the models equally good, this would happen in 5 % of the comparisons."""
        return self.low > 0

    @property
    def better(self) -> bool:
        """Better beyond chance, in the same sense."""
        return self.high < 0


def compare(labels: Labels, ours: Floats, theirs: Floats, seed: int) -> Comparison:
    """Compare two models by a paired bootstrap of their log-loss (Efron and Tibshirani 1993, chapter 13).

    Rows are drawn with replacement, each with the losses of both models, so that what is hard for both cancels out.

    Parameters
    ----------
    labels, ours, theirs : of shape (n_rows,); labels 0 or 1, and the probabilities of the two models.
    """
    differences = _row_losses(labels, ours) - _row_losses(labels, theirs)
    sums = resampled_sums(np.stack([differences, np.ones(len(labels))], axis=1), seed=seed)
    low, high = np.quantile(sums[:, 0] / sums[:, 1], [0.05, 0.95])
    return Comparison(float(differences.mean()), float(low), float(high))


def _row_losses(labels: Labels, probabilities: Floats) -> Floats:
    """Log-loss of each row."""
    clipped = _clipped(probabilities)
    losses: Floats = -np.log(np.where(labels == 1, clipped, 1 - clipped))
    return losses


def baselines(
    train: pd.DataFrame,
    train_labels: Labels,
    test: pd.DataFrame,
    test_labels: Labels,
    *,
    table: Table,
    seed: int,
    weights: Floats | None = None,
) -> dict[str, Contender]:
    """Train logistic regression and gradient boosting, as one would without much thought, and judge them.

    They see numbers, categories, flags and the hour and weekday of times; ids (keys, entities) are left out. Gaps are
    levels of their own in categories, median and flag for the regression, and left to the trees' own treatment.

    Parameters
    ----------
    train, test : rows as `data.checking.checked_frame` gives them.
    train_labels, test_labels : 0 or 1, of shape (n_rows,); both classes occur in each.
    table : the columns.
    weights : of the training rows, shape (n_rows,).

    Returns
    -------
    dict with "logistic regression" and "gradient boosting".
    """
    columns = _columns_but_ids(table)
    left_out = [column.name for column in table.of_role("feature") if column.kind == "key"]
    without_ids = [f"without the id column(s) {', '.join(left_out)}"] if left_out else []
    inputs, test_inputs = _inputs(columns, train), _inputs(columns, test)
    numbers, categories = _positions(inputs)

    def judged(encoder: Any, model: Any, rows: npt.NDArray[np.intp], notes: list[str]) -> Contender:
        start = perf_counter()
        row_weights = None if weights is None else weights[rows]
        model.fit(encoder.fit_transform(inputs.iloc[rows]), train_labels[rows], sample_weight=row_weights)
        probabilities = model.predict_proba(encoder.transform(test_inputs))[:, 1].astype(np.float64)
        seconds = perf_counter() - start
        return Contender(probabilities, evaluate(test_labels, probabilities), seconds, "; ".join(notes))

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
    """Train the gradient boosting of `baselines` alone; the result gives checked rows their probabilities."""
    columns = _columns_but_ids(table)
    inputs = _inputs(columns, train)
    numbers, categories = _positions(inputs)
    encoder, model = _tree_encoder(numbers, categories), _boosted_trees(labels, range(len(categories)), seed)
    model.fit(encoder.fit_transform(inputs), labels, sample_weight=weights)
    return lambda frame: model.predict_proba(encoder.transform(_inputs(columns, frame)))[:, 1].astype(np.float64)


def _columns_but_ids(table: Table) -> list[Column]:
    return [column for column in table.of_role("feature", "time") if column.kind != "key"]


def _some_rows(n_rows: int, seed: int) -> npt.NDArray[np.intp]:
    """Rows that are enough for a linear model: more change its few coefficients no more, and cost time."""
    most = 200_000
    if n_rows <= most:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(seed).choice(n_rows, most, replace=False))


def _inputs(columns: Sequence[Column], frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers as floats (NaN where missing) and everything else as text; columns are numbered."""
    parts: list[Any] = [np.zeros(len(frame))]  # so that there is an input even if every column is an id
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
    """Which training inputs are numbers, and which are categories; numbers that are hardly ever known are neither."""
    least_known = min(20 + len(inputs) // 10_000, len(inputs))  # boosted trees fail if a sample has no value at all
    is_number = [dtype == np.float64 for dtype in inputs.dtypes]
    numbers = [i for i, yes in enumerate(is_number) if yes and inputs[i].notna().sum() >= least_known]
    return numbers, [i for i, yes in enumerate(is_number) if not yes]


def _linear_encoder(numbers: list[int], categories: list[int]) -> Any:
    """Inputs of a linear model: scaled numbers, and a column for each level that occurs at least five times."""
    gaps = SimpleImputer(strategy="median", add_indicator=True)
    return make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", min_frequency=5), categories),
        (make_pipeline(gaps, StandardScaler()), numbers),
        sparse_threshold=1.0,
    )


def _tree_encoder(numbers: list[int], categories: list[int]) -> Any:
    """Inputs of boosted trees: level numbers (255 at most, the rarest share the last), then the numbers as they are."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=255)
    return make_column_transformer((codes, categories), ("passthrough", numbers))


def _boosted_trees(labels: Labels, categories: Sequence[int], seed: int) -> Any:
    """Boosting that stops when a tenth of its rows sees no more gain."""
    enough_for_early_stopping = np.bincount(labels, minlength=2).min() >= 20
    return HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_iter=500 if enough_for_early_stopping else 50,
        early_stopping=bool(enough_for_early_stopping),
        n_iter_no_change=20,
        categorical_features=list(categories),
        random_state=seed,
    )
