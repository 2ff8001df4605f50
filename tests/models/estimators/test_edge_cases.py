"""Odd data: each is either handled, with finite and sensible predictions, or refused with an error that says why."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.column import Column
from data.table import Table
from models.encoding import TableEncoder
from models.estimators.autoencoder import BackpropAutoencoder
from models.estimators.background import typical_row
from models.estimators.classifier import BackpropClassifier
from models.estimators.regressor import BackpropRegressor
from models.estimators.table_classifier import TableClassifier
from models.presets import PRESETS, PresetName

N_ROWS = 200
LARGEST = float(np.finfo(np.float64).max)
ESTIMATORS = [BackpropClassifier, BackpropRegressor, BackpropAutoencoder]
SUPERVISED = [BackpropClassifier, BackpropRegressor]

rng = np.random.default_rng(0)
X = rng.standard_normal((N_ROWS, 3))
LABELS = (X[:, 0] > 0).astype(int)


def with_column(values: Any, rows: Any = slice(None)) -> np.ndarray:
    """The inputs with the second column, or some rows of it, replaced."""
    changed = X.copy()
    changed[rows, 1] = values
    return changed


def quick(estimator: Any, **options: Any) -> Any:
    shape = (8, 2, 8) if estimator is BackpropAutoencoder else (8,)
    return estimator(shape, **{"max_epochs": 5, "random_state": 0, **options})


def finite_answers(model: Any, X: np.ndarray) -> np.ndarray:
    """All outputs of an estimator for these rows, checked to be finite and in range."""
    predictions = model.predict(X)
    assert predictions.shape == (len(X),)
    if isinstance(model, BackpropRegressor):
        answers = predictions
    elif isinstance(model, BackpropClassifier):
        answers = model.predict_proba(X)
        np.testing.assert_allclose(answers.sum(axis=1), 1, rtol=1e-6)
        assert set(predictions) <= set(model.classes_)
    else:
        answers = model.anomaly_score(X)
        assert set(predictions) <= {-1, 1}
        assert (answers >= 0).all()
    assert np.isfinite(answers).all()
    return np.asarray(answers)


HANDLED = {
    "a constant column": with_column(7.0),
    "a column of zeros": with_column(0.0),
    "a constant column at the limit": with_column(1e15),
    "nothing but constants": np.ones_like(X),
    "a cell of 5e-324": with_column(5e-324, rows=3),
    "a cell of 1e-300": with_column(1e-300, rows=3),
    "columns of about 1e-20": X * 1e-20,
    "columns of about 1e-40": X * 1e-40,
    "columns of about 1e-300": X * 1e-300,
    "columns of multiples of 5e-324": np.round(3 * X) * 5e-324,
    "columns up to the limit": X * (1e15 / np.abs(X).max()),
    "whole numbers": np.round(10 * X).astype(int),
    "flags": X > 0,
    "two rows": np.stack([X[LABELS == 0][0], X[LABELS == 1][0]]),
    "10,000 columns": np.random.default_rng(1).standard_normal((20, 10_000)),
    "10,000 columns at the limit": 1e15 * np.sign(np.random.default_rng(1).standard_normal((20, 10_000))),
}


@pytest.mark.parametrize("name", HANDLED)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_odd_inputs_are_handled(estimator: Any, name: str) -> None:
    """Trained on and predicted, by `fit` with and without folds and by `partial_fit`, whatever the scale."""
    rows = HANDLED[name]
    y = np.arange(len(rows)) % 2 if len(rows) < N_ROWS else LABELS
    finite_answers(quick(estimator).fit(rows, y), rows)
    finite_answers(quick(estimator, n_folds=2, max_epochs=2).fit(rows, y), rows)
    if estimator is not BackpropAutoencoder:
        known = {"classes": [0, 1]} if estimator is BackpropClassifier else {}
        finite_answers(quick(estimator).partial_fit(rows, y, **known), rows)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_model_of_usual_rows_answers_odd_ones(estimator: Any) -> None:
    """What was never seen in training is no reason for NaN, up to the limit."""
    model = quick(estimator).fit(X, LABELS)
    for name, rows in HANDLED.items():
        if rows.shape[1] == X.shape[1]:
            assert np.isfinite(finite_answers(model, rows)).all(), name
    one = finite_answers(model, X[:1])
    np.testing.assert_allclose(one[0], finite_answers(model, X)[0], rtol=1e-5)


@pytest.mark.parametrize("estimator", [BackpropClassifier, BackpropRegressor])
def test_a_column_without_information_costs_nothing(estimator: Any) -> None:
    """A constant column does not affect what is learned from the others."""
    y = LABELS if estimator is BackpropClassifier else X[:, 0]
    model = quick(estimator, max_epochs=100, learning_rate=1e-2, n_folds=1).fit(with_column(1.0), y)
    assert model.score(with_column(1.0), y) > 0.9


ALLOWED = re.escape("it must be a number from -1e+15 to 1e+15")
REFUSED = {
    "NaN": (with_column(np.nan, rows=3), rf"Input X contains NaN: row 3 .*column 1 holds nan; {ALLOWED}"),
    "a column of NaN": (with_column(np.nan), "Input X contains NaN: row 0 .*column 1 holds nan"),
    "infinity": (with_column(np.inf, rows=3), "Input X contains infinity .*row 3 .*column 1 holds inf"),
    "minus infinity": (with_column(-np.inf, rows=3), "Input X contains infinity .*row 3 .*column 1 holds -inf"),
    "1e300": (with_column(1e300, rows=3), r"a value too large: row 3 .*column 1 holds 1e\+300"),
    "the largest float": (with_column(LARGEST, rows=3), r"a value too large: row 3 .*column 1 holds 1.797.*e\+308"),
    "just too large": (with_column(1.1e15, rows=3), r"a value too large: row 3 .*column 1 holds 11000*\.0"),
    "no rows": (X[:0], r"Found array with 0 sample\(s\)"),
    "no columns": (X[:, :0], r"Found array with 0 feature\(s\)"),
    "text": (np.full((N_ROWS, 3), "high"), "could not convert string to float"),
    "one dimension": (X[:, 0], "Expected 2D array, got 1D array"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_impossible_inputs_are_named(estimator: Any, name: str) -> None:
    """The same error from `fit`, `partial_fit` and `predict`: the first bad cell, its value, and what is allowed."""
    rows, words = REFUSED[name]
    with pytest.raises(ValueError, match=words):
        quick(estimator).fit(rows, LABELS[: len(rows)])
    if estimator is not BackpropAutoencoder:
        with pytest.raises(ValueError, match=words):
            quick(estimator).partial_fit(rows, LABELS[: len(rows)])
    model = quick(estimator, max_epochs=1).fit(X, LABELS)
    with pytest.raises(ValueError, match=words):
        model.predict(rows)


def test_a_bad_cell_of_a_frame_is_named_by_its_column() -> None:
    """The error has the column's name and the value as given."""
    frame = pd.DataFrame(with_column(1e20, rows=5), columns=["age", "income", "rate"])
    with pytest.raises(ValueError, match=r"row 5 .*column 'income' holds 1e\+20"):
        quick(BackpropClassifier).fit(frame, LABELS)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_one_row_is_too_few_to_fit(estimator: Any) -> None:
    """Two are the least; a stream may begin with one."""
    with pytest.raises(ValueError, match=r"Found array with 1 sample\(s\) .* a minimum of 2 is required"):
        quick(estimator).fit(X[:1], LABELS[:1])
    if estimator is not BackpropAutoencoder:
        known = {"classes": [0, 1]} if estimator is BackpropClassifier else {}
        finite_answers(quick(estimator).partial_fit(X[:1], LABELS[:1], **known), X)


@pytest.mark.parametrize("n_folds", [1, 5])
@pytest.mark.parametrize("n_single", [1, 2])
def test_a_class_of_a_single_row_is_kept(n_single: int, n_folds: int) -> None:
    """Too few for a fold or for validation, so it is trained on; it remains the rarer answer."""
    y = np.zeros(N_ROWS, int)
    y[:n_single] = 1 + np.arange(n_single)
    model = quick(BackpropClassifier, n_folds=n_folds, max_epochs=40).fit(X, y)

    assert model.classes_.tolist() == list(range(n_single + 1))
    assert model.validation_curve_ == []
    assert model.n_folds_ == 1
    assert finite_answers(model, X)[:, 0].mean() > 0.8


TARGETS = {
    "1e300": np.where(LABELS, 1e300, -1e300),
    "tiny": X[:, 0] * 1e-300,
    "multiples of 5e-324": np.round(3 * X[:, 0]) * 5e-324,
    "huge and tiny": np.where(LABELS, 1e300, 1e-300),
    "constant": np.full(N_ROWS, 3.0),
    "constant and huge": np.full(N_ROWS, 1e300),
}


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("loss", ["squared_error", "pinball"])
def test_targets_of_any_size_are_learned_in_their_own_units(loss: str, name: str) -> None:
    """Predictions are finite, and lie about where the target does."""
    y = TARGETS[name]
    model = quick(BackpropRegressor, loss=loss, max_epochs=20).fit(X, y)
    predictions = finite_answers(model, X)
    margin = max(float(np.ptp(y)), 1.0 if np.ptp(y) == 0 else 0.0)

    assert (predictions >= y.min() - margin).all()
    assert (predictions <= y.max() + margin).all()
    if np.ptp(y) > 1e-320:
        assert np.corrcoef(predictions / np.abs(y).max(), LABELS)[0, 1] > 0.5


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (np.where(LABELS, LARGEST, -LARGEST), r"y holds -?1.797.*e\+308 in row 0 .*from -1e\+300 to 1e\+300"),
        (np.where(np.arange(N_ROWS) == 7, 2e300, 0), r"y holds 2e\+300 in row 7"),
        (np.where(LABELS, np.nan, 1.0), "Input y contains NaN"),
        (np.where(LABELS, np.inf, 1.0), "Input y contains infinity"),
    ],
    ids=["largest", "one", "NaN", "infinite"],
)
def test_impossible_targets_are_named(y: np.ndarray, words: str) -> None:
    """By `fit` and by `partial_fit`."""
    for learn in (quick(BackpropRegressor).fit, quick(BackpropRegressor).partial_fit):
        with pytest.raises(ValueError, match=words):
            learn(X, y)


@pytest.mark.parametrize("n_folds", [1, 5])
@pytest.mark.parametrize("n_counting", [1, 2, 5, 100])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_most_rows_may_weigh_nothing(estimator: Any, n_counting: int, n_folds: int) -> None:
    """Where no validation row would count there is no validation, and no division by zero."""
    weights = np.repeat([1.0, 0.0], [n_counting, N_ROWS - n_counting])
    model = quick(estimator, n_folds=n_folds).fit(X, LABELS, sample_weight=weights)

    finite_answers(model, X)
    assert np.isfinite(model.training_curve_).all()
    assert np.isfinite(model.validation_curve_).all()
    assert bool(model.validation_curve_) == (n_counting == 100)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_unit_of_weights_does_not_matter(estimator: Any) -> None:
    """Weights of 5e-324, 1e300 or the largest float everywhere are weights of 1."""
    plain = finite_answers(quick(estimator).fit(X, LABELS, sample_weight=np.ones(N_ROWS)), X)
    for weight in (5e-324, 1e300, LARGEST):
        model = quick(estimator).fit(X, LABELS, sample_weight=np.full(N_ROWS, weight))
        np.testing.assert_allclose(finite_answers(model, X), plain, rtol=1e-5)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (np.zeros(N_ROWS), "at least one non-zero|positive for at least one row"),
        (-np.ones(N_ROWS), "Negative values in data passed to `sample_weight`"),
        (np.full(N_ROWS, np.nan), "sample_weight contains NaN"),
        (np.where(LABELS, np.inf, 1.0), "sample_weight contains infinity"),
        (np.ones(3), r"sample_weight.shape == \(3,\), expected \(200,\)"),
    ],
    ids=["zeros", "negative", "NaN", "infinite", "too few"],
)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_impossible_weights_are_named(estimator: Any, weights: np.ndarray, words: str) -> None:
    """Weights that leave nothing to learn, or are no weights."""
    with pytest.raises(ValueError, match=words):
        quick(estimator).fit(X, LABELS, sample_weight=weights)


FRAME = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": np.where(X[:, 2] > 0, "u", "v")})
FRAMES = {
    "constant": FRAME.assign(b=7.0),
    "one level": FRAME.assign(c="u"),
    "no value": FRAME.assign(b=np.nan),
    "no level": FRAME.assign(c=None),
    "nothing": FRAME.assign(a=np.nan, b=np.nan, c=None),
    "1e300 and below": FRAME.assign(b=X[:, 1] * 1e300),
    "the largest floats": FRAME.assign(b=np.sign(X[:, 1]) * LARGEST),
    "1e-300": FRAME.assign(b=X[:, 1] * 1e-300),
    "multiples of 5e-324": FRAME.assign(b=np.round(3 * X[:, 1]) * 5e-324),
    "one infinity": FRAME.assign(b=with_column(np.inf, rows=3)[:, 1]),
    "infinities": FRAME.assign(b=np.sign(X[:, 1]) * np.inf),
    "one row": FRAME[:1],
    "two rows": FRAME[:2],
}
TABLE = Table(
    name="odd",
    columns=(
        Column(name="a", kind="number", optional=True),
        Column(name="b", kind="number", optional=True),
        Column(name="c", kind="category", optional=True),
    ),
)


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("preset", PRESETS)
def test_the_encoder_takes_everything(preset: PresetName, name: str) -> None:
    """Learned from or only encoded, as a frame or as rows: finite, moderate, and the same bits."""
    frame = FRAMES[name]
    encoder = TableEncoder(TABLE, preset=preset)
    usual = TableEncoder(TABLE, preset=preset).fit(FRAME, LABELS)
    encoded = (encoder.fit_transform(frame, LABELS[: len(frame)]), encoder.transform(FRAME), usual.transform(frame))

    for features in encoded:
        assert np.isfinite(features).all()
        assert np.abs(features).max() <= 3
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    np.testing.assert_array_equal(usual.encode_rows(rows), encoded[2])


def test_the_encoder_takes_10_000_columns() -> None:
    """Of an array; every column has its features."""
    wide = np.random.default_rng(1).standard_normal((20, 10_000))
    encoder = TableEncoder(preset="fast")
    features = encoder.fit_transform(wide, np.arange(20) % 2)

    assert np.isfinite(features).all()
    assert np.unique(encoder.owners_).tolist() == list(range(10_000))


@pytest.mark.parametrize(("frame", "words"), [(FRAME[:0], "Found 0 rows and 3"), (FRAME[[]], "200 rows and 0 columns")])
def test_the_encoder_cannot_learn_from_nothing(frame: pd.DataFrame, words: str) -> None:
    """No rows or no columns; but no rows can be encoded."""
    with pytest.raises(ValueError, match=words):
        TableEncoder().fit(frame)
    usual = TableEncoder(TABLE).fit(FRAME)
    assert usual.transform(FRAME[:0]).shape == (0, len(usual.owners_))
    assert usual.encode_rows([]).shape == (0, len(usual.owners_))


def fitted(frame: pd.DataFrame, labels: np.ndarray, preset: PresetName, n_train: int) -> TableClassifier:
    held_out = (frame[n_train:], labels[n_train:])
    model = TableClassifier(TABLE, PRESETS[preset], seed=0)
    return model.fit(frame[:n_train], labels[:n_train], validation=held_out)


@pytest.mark.parametrize("name", [name for name in FRAMES if not name.endswith(("one row", "two rows"))])
@pytest.mark.parametrize("preset", ["fast", "balanced"])
def test_a_table_model_takes_everything(preset: PresetName, name: str) -> None:
    """Probabilities and shares are finite; without information, the prediction is the event rate."""
    frame = FRAMES[name]
    model = fitted(frame, LABELS, preset, n_train=150)
    probabilities = model.probabilities(frame)

    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert np.isfinite(model.shares(model.encoder.transform(frame)[0])).all()
    if name == "nothing":
        assert probabilities == pytest.approx(LABELS.mean(), abs=0.06)
    else:
        assert np.mean((probabilities > 0.5) == LABELS) > 0.9  # the first column says it all


@pytest.mark.parametrize("n_rows", [10, 16, 19, 24])
@pytest.mark.parametrize("preset", ["fast", "balanced"])
def test_a_table_model_of_few_rows_does_without_folds(preset: PresetName, n_rows: int) -> None:
    """Below two folds of ten rows the validation rows that were given stop and calibrate it."""
    model = fitted(FRAME[:n_rows], LABELS[:n_rows], preset, n_train=n_rows * 3 // 4)

    assert model.network.n_folds_ == (2 if preset == "balanced" and n_rows >= 20 else 1)
    assert np.isfinite(model.probabilities(FRAME)).all()
    assert np.isfinite(model.shares(model.encoder.transform(FRAME)[0])).all()
    assert model.network.callbacks is None


@pytest.mark.parametrize("event", [0, 1])
@pytest.mark.parametrize("preset", ["fast", "balanced"])
def test_a_table_model_of_a_single_event_says_that_it_is_rare(preset: PresetName, event: int) -> None:
    """One row of a class among the training rows is enough to train, and too little to expect it."""
    labels = np.full(N_ROWS, 1 - event)
    labels[0] = event
    probabilities = fitted(FRAME, labels, preset, n_train=150).probabilities(FRAME)

    assert np.abs(probabilities - event).mean() > 0.9


@pytest.mark.parametrize(
    ("labels", "n_train", "words"),
    [
        (np.zeros(N_ROWS, int), 150, "y must hold at least two classes, got 1 class: 0"),
        (np.ones(N_ROWS, int), 150, "y must hold at least two classes, got 1 class: 1"),
        (LABELS, 0, "there are no labels; training and validation need at least one row each"),
        (LABELS, N_ROWS, "there are no validation labels; training and validation need at least one row each"),
        (LABELS + 1, 150, r"labels must be 0 or 1, got \[1, 2\]"),
    ],
    ids=["no event", "only events", "no rows", "no validation rows", "other labels"],
)
@pytest.mark.parametrize("preset", ["fast", "balanced"])
def test_a_table_model_says_what_it_lacks(preset: PresetName, labels: np.ndarray, n_train: int, words: str) -> None:
    """Before any training."""
    with pytest.raises(ValueError, match=words):
        fitted(FRAME, labels, preset, n_train)


def test_the_typical_number_is_the_median_however_large() -> None:
    """The lower of two numbers in the middle, as pandas has it: one that occurs, and no sum that could overflow."""
    frame = FRAME[["a", "b", "c"]]
    assert typical_row(TABLE, frame)["a"] == frame["a"].quantile(0.5, interpolation="lower")
    assert typical_row(TABLE, frame.assign(b=LARGEST))["b"] == LARGEST
