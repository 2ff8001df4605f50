"""Incremental learning: `partial_fit`, `warm_start`, `TableClassifier.refine`; and drifting streams."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss, mean_squared_error, r2_score, roc_auc_score

from data.column import Column
from data.table import Table
from models.estimators.classifier import BackpropClassifier
from models.estimators.regressor import BackpropRegressor
from models.estimators.table_classifier import TableClassifier
from models.presets import PRESETS

Batch = tuple[np.ndarray, np.ndarray]


def drifting(number: int, *, n_rows: int = 1000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, 0/1 target and real target of one batch; what matters turns from the first input to minus the first.

    Batch 24 has the relation of batch 0 with the opposite sign.
    """
    rng = np.random.default_rng([seed, number])
    X = rng.standard_normal((n_rows, 4))
    angle = number * np.pi / 24
    log_odds = 2.5 * (np.cos(angle) * X[:, 0] + np.sin(angle) * X[:, 1])
    return X, (rng.random(n_rows) < expit(log_odds)).astype(int), log_odds + rng.standard_normal(n_rows)


def classes_of(number: int, **options: Any) -> Batch:
    X, labels, _ = drifting(number, **options)
    return X, labels


def quick(**options: Any) -> BackpropClassifier:
    settings = {"hidden_layer_sizes": (16,), "n_folds": 1, "learning_rate": 3e-3, "random_state": 0}
    return BackpropClassifier(**{**settings, **options})


def test_one_call_is_one_pass_over_the_rows() -> None:
    """Small steps without momentum add up to the number of batches times the mean gradient, here derived by hand."""
    X, y = classes_of(0, n_rows=256)
    rate, n_batches = 1e-4, 8
    seen: list[Any] = []
    model = quick(
        hidden_layer_sizes=(3,),
        activation="identity",
        dropout=0.0,
        optimizer="sgd",
        momentum=0.0,
        weight_decay=0.0,
        learning_rate=rate,
        batch_size=32,
        schedule="cosine",
        max_epochs=50,
        callbacks=[seen.append],
    ).fit(X, y)
    first, last = model.network_.layers
    weights, out_weights = first.weights[0].astype(float), last.weights[0].astype(float)
    hidden = X @ weights + first.biases[0]
    errors = (expit(hidden @ out_weights + last.biases[0]) - y[:, None]) / len(X)
    back = errors @ out_weights.T
    gradients = [X.T @ back, hidden.T @ errors, back.sum(axis=0), errors.sum(axis=0)]
    before = [array.astype(float).copy() for array in (first.weights, last.weights, first.biases, last.biases)]
    seen.clear()

    assert model.partial_fit(X, y) is model

    after = [first.weights, last.weights, first.biases, last.biases]
    moved = np.concatenate([(new - old).ravel() for new, old in zip(after, before, strict=True)])
    expected = -rate * n_batches * np.concatenate([gradient.ravel() for gradient in gradients])
    assert np.linalg.norm(moved - expected) < 0.02 * np.linalg.norm(expected)
    assert [(epoch.number, epoch.n_epochs, epoch.learning_rate) for epoch in seen] == [(1, 1, rate)]


def test_each_call_adds_a_point_to_the_curve() -> None:
    """`n_epochs_` counts the passes; there are no validation rows to judge them by."""
    model = quick()
    for number in range(3):
        model.partial_fit(*classes_of(number), classes=[0, 1])

    assert model.n_epochs_ == model.best_epoch_ == len(model.training_curve_) == 3
    assert model.training_curve_[2] < model.training_curve_[0]
    assert model.validation_curve_ == []


@pytest.mark.parametrize("estimator", [BackpropClassifier, BackpropRegressor])
def test_equal_calls_give_equal_bits(estimator: Any) -> None:
    """The same seed and the same batches in the same order; another seed or order gives other weights."""

    def weights(seed: int, numbers: list[int]) -> bytes:
        model = estimator((8,), dropout=0.1, n_folds=1, random_state=seed)
        for number in numbers:
            X, labels, target = drifting(number, n_rows=200)
            if estimator is BackpropClassifier:
                model.partial_fit(X, labels, classes=[0, 1])
            else:
                model.partial_fit(X, target)
        return model.network_.parameters.tobytes()

    assert weights(1, [0, 1, 2]) == weights(1, [0, 1, 2])
    assert len({weights(1, [0, 1, 2]), weights(2, [0, 1, 2]), weights(1, [0, 2, 1])}) == 3


def test_classes_are_named_once_and_batches_may_lack_some() -> None:
    """A batch of one class, or without the third, is a batch like any other."""
    X, y = classes_of(0, n_rows=300)
    names = np.array(["bad", "good", "late"])
    model = quick().partial_fit(X[y == 1], names[y[y == 1]], classes=["late", "good", "bad"])
    model.partial_fit(X, names[y]).partial_fit(X, names[y], classes=names)

    assert model.classes_.tolist() == ["bad", "good", "late"]
    assert model.predict_proba(X).shape == (300, 3)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-6)


def test_after_fit_the_classes_are_known() -> None:
    """`partial_fit` continues from `fit`, also from an ensemble of folds, whose members all learn."""
    X, y = classes_of(0, n_rows=300)
    model = quick(n_folds=2, n_members=2, max_epochs=3).fit(X, y)
    before = model.network_.layers[0].weights.copy()
    model.partial_fit(X, y)

    assert len(before) == 4
    assert (model.network_.layers[0].weights != before).any(axis=(1, 2)).all()


X_SMALL, Y_SMALL = classes_of(0, n_rows=60)
REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no classes at first": ({}, {"y": Y_SMALL}, "classes must be passed on the first call to partial_fit"),
    "one class": ({}, {"y": Y_SMALL, "classes": [1]}, r"classes must hold at least two labels, got \[1\]"),
    "unnamed label": ({}, {"y": Y_SMALL + 1, "classes": [0, 1]}, r"y holds the label\(s\) \[2\]; allowed are \[0, 1\]"),
    "balanced": (
        {"class_weight": "balanced"},
        {"y": Y_SMALL, "classes": [0, 1]},
        "class_weight='balanced' needs all rows at once",
    ),
    "amounts": ({}, {"y": X_SMALL[:, 0], "classes": [0, 1]}, "Unknown label type: continuous"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_first_call_that_is_wrong_is_refused_and_may_be_repeated(name: str) -> None:
    """The text says what is allowed; the estimator is as unfitted as before."""
    options, given, words = REFUSED[name]
    model = quick(**options)
    with pytest.raises(ValueError, match=words):
        model.partial_fit(X_SMALL, **given)

    with pytest.raises(NotFittedError):
        model.predict(X_SMALL)
    model.set_params(class_weight=None).partial_fit(X_SMALL, Y_SMALL, classes=[0, 1])
    assert model.n_epochs_ == 1


def test_a_later_call_that_does_not_fit_changes_nothing() -> None:
    """Other classes, other labels, another width, another shape."""
    model = quick().partial_fit(X_SMALL, Y_SMALL, classes=[0, 1])
    before = model.network_.parameters.copy()
    for X, y, classes, words in (
        (X_SMALL, Y_SMALL, [0, 2], r"classes=\[0, 2\] differ from those of earlier calls, \[0, 1\]"),
        (X_SMALL, Y_SMALL * 2, None, r"y holds the label\(s\) \[2\]"),
        (X_SMALL[:, :3], Y_SMALL, None, "X has 3 features, but BackpropClassifier is expecting 4"),
        (X_SMALL[:0], Y_SMALL[:0], None, r"Found array with 0 sample\(s\)"),
    ):
        with pytest.raises(ValueError, match=words):
            model.partial_fit(X, y, classes=classes)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=\[8\] was requested.*have \[16\]"):
        model.set_params(hidden_layer_sizes=(8,)).partial_fit(X_SMALL, Y_SMALL)

    np.testing.assert_array_equal(model.network_.parameters, before)


def test_row_weights_count() -> None:
    """Rows of weight 0 might as well not be there, except that they fill batches."""
    X, y = classes_of(0, n_rows=400)
    weights = np.repeat([1.0, 0.0], 200)
    flipped = np.concatenate([y[:200], 1 - y[200:]])
    model = quick(learning_rate=1e-2)
    for _ in range(20):
        model.partial_fit(X, flipped, classes=[0, 1], sample_weight=weights)

    assert roc_auc_score(y[200:], model.decision_function(X[200:])) > 0.8


@pytest.mark.parametrize("estimator", [BackpropClassifier, BackpropRegressor])
@pytest.mark.parametrize(("learning_rate", "target_batch"), [(1e-3, 0), (1e-3, 24), (0.3, 0), (0.3, 24)])
def test_a_warm_start_never_ends_worse_than_it_began(estimator: Any, learning_rate: float, target_batch: int) -> None:
    """Neither wild steps nor rows of the opposite relation cost anything on the validation rows."""
    column = 1 if estimator is BackpropClassifier else 2
    start, new, held_out = (drifting(number, seed=seed) for number, seed in ((0, 0), (target_batch, 1), (0, 2)))

    def loss() -> float:
        if estimator is BackpropClassifier:
            return float(log_loss(held_out[1], model.predict_proba(held_out[0])))
        return float(mean_squared_error(held_out[2], model.predict(held_out[0])))

    model = estimator((16,), n_folds=1, max_epochs=5, random_state=0)
    model.fit(start[0], start[column], validation_data=(held_out[0], held_out[column]))
    before, weights = loss(), model.network_.parameters.copy()
    model.set_params(warm_start=True, learning_rate=learning_rate)
    model.fit(new[0], new[column], validation_data=(held_out[0], held_out[column]))

    assert loss() <= before * (1 + 1e-6)
    if target_batch == 24:  # nothing to gain from the opposite
        assert model.best_epoch_ == 0
        np.testing.assert_array_equal(model.network_.parameters, weights)
    elif learning_rate == 1e-3:
        assert loss() < 0.97 * before


def test_a_warm_start_continues_and_a_cold_one_does_not() -> None:
    """One more epoch from the present weights ends near them; new weights have nothing to do with them."""
    X, y = classes_of(0)
    model = quick(max_epochs=20).fit(X, y)
    before = model.network_.parameters.copy()

    warm = copy.deepcopy(model).set_params(warm_start=True, max_epochs=1).fit(X, y)
    cold = copy.deepcopy(model).set_params(max_epochs=1, random_state=1).fit(X, y)

    assert np.corrcoef(before, warm.network_.parameters)[0, 1] > 0.99
    assert abs(np.corrcoef(before, cold.network_.parameters)[0, 1]) < 0.5


def test_a_loaded_model_goes_on_with_a_fresh_optimizer() -> None:
    """Adam's first step moves each parameter by the learning rate; a continued optimizer has its momentum."""
    X, y = classes_of(0)
    options = {"batch_size": len(X), "weight_decay": 0.0, "dropout": 0.0, "activation": "tanh"}
    model = quick(**options).partial_fit(X, y, classes=[0, 1])
    for number in range(1, 6):
        model.partial_fit(*classes_of(number))
    loaded = pickle.loads(pickle.dumps(model))  # noqa: S301
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    before = model.network_.parameters.copy()

    def steps(one: Any) -> np.ndarray:
        one.partial_fit(*classes_of(6))
        return np.abs(one.network_.parameters - before) / one.learning_rate

    np.testing.assert_allclose(steps(loaded), 1, rtol=1e-2)
    assert np.mean(np.abs(steps(model) - 1) > 0.05) > 0.5
    assert loaded.n_epochs_ == model.n_epochs_ == 7


@pytest.mark.parametrize("estimator", [BackpropClassifier, BackpropRegressor])
def test_a_pass_that_diverges_leaves_the_weights_as_they_were(estimator: Any) -> None:
    """The error says so, predictions are unchanged, and training continues with a sane rate."""
    X, labels, target = drifting(0)
    y = labels if estimator is BackpropClassifier else target
    model = estimator((16,), activation="relu", optimizer="sgd", learning_rate=1e-2, n_folds=1, random_state=0)
    model.fit(X, y)
    before, answers = model.network_.parameters.copy(), model.predict(X)
    curve = list(model.training_curve_)

    with pytest.raises(ValueError, match=r"training diverged.*lower learning_rate=1e\+30"):
        model.set_params(learning_rate=1e30).partial_fit(X, y)

    np.testing.assert_array_equal(model.network_.parameters, before)
    np.testing.assert_array_equal(model.predict(X), answers)
    assert model.training_curve_ == curve
    model.set_params(learning_rate=1e-3).partial_fit(X, y)
    assert np.isfinite(model.network_.parameters).all()
    assert (model.network_.parameters != before).any()


def test_a_first_pass_that_diverges_leaves_no_model() -> None:
    """There are no earlier weights, so the estimator stays unfitted."""
    X, y = classes_of(0)
    model = quick(optimizer="sgd", learning_rate=1e30, activation="relu")
    with pytest.raises(ValueError, match="training diverged"):
        model.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(NotFittedError):
        model.predict(X)

    assert model.set_params(learning_rate=1e-2).partial_fit(X, y, classes=[0, 1]).n_epochs_ == 1


def test_a_classifier_follows_a_relation_that_turns() -> None:
    """Trained on each batch after predicting it, it stays near the optimum; a frozen model ends up wrong."""
    model = quick().fit(*classes_of(0, n_rows=2000))
    frozen = copy.deepcopy(model)
    ours, theirs = [], []
    for number in range(1, 25):
        X, y = classes_of(number)
        ours.append(roc_auc_score(y, model.decision_function(X)))
        theirs.append(roc_auc_score(y, frozen.decision_function(X)))
        model.partial_fit(X, y)

    assert min(ours) > 0.83  # the true probabilities have 0.90
    assert np.mean(ours[-6:]) > 0.86
    assert theirs[0] > 0.85
    assert max(theirs[-6:]) < 0.3


def test_a_regressor_follows_a_relation_that_turns() -> None:
    """The same for a number: R squared on the next batch."""
    X, _, y = drifting(0, n_rows=2000)
    model = BackpropRegressor((16,), n_folds=1, learning_rate=3e-3, random_state=0).fit(X, y)
    frozen = copy.deepcopy(model)
    ours, theirs = [], []
    for number in range(1, 25):
        X, _, y = drifting(number)
        ours.append(r2_score(y, model.predict(X)))
        theirs.append(r2_score(y, frozen.predict(X)))
        model.partial_fit(X, y)

    assert min(ours) > 0.75  # noise leaves 0.86 to the true mean
    assert np.mean(ours[-6:]) > 0.8
    assert theirs[0] > 0.8
    assert max(theirs[-6:]) < -1


def test_a_stream_alone_teaches_as_much_as_all_rows_at_once() -> None:
    """Batches from one distribution, each seen once, compared with `fit` on all of them."""
    model = quick()
    batches = [classes_of(0, seed=seed) for seed in range(1, 31)]
    for X, y in batches:
        model.partial_fit(X, y, classes=[0, 1])
    together = quick().fit(np.concatenate([X for X, _ in batches]), np.concatenate([y for _, y in batches]))
    X, y = classes_of(0, n_rows=5000, seed=99)

    auc = roc_auc_score(y, model.decision_function(X))
    assert auc == pytest.approx(roc_auc_score(y, together.decision_function(X)), abs=0.01)
    assert auc > 0.88


TABLE = Table(
    name="visits",
    columns=(
        Column(name="pages", kind="number"),
        Column(name="source", kind="category", levels=("mail", "search", "ad")),
        Column(name="bought", kind="flag", role="target"),
    ),
)


def visits(month: int, *, n_rows: int = 1500) -> tuple[pd.DataFrame, np.ndarray]:
    """Visits of a shop whose best source turns from mail to ads within six months, while pages count ever less."""
    rng = np.random.default_rng(month)
    frame = pd.DataFrame({"pages": rng.poisson(5, n_rows), "source": rng.choice(["mail", "search", "ad"], n_rows)})
    turned = month / 6
    log_odds = (1 - 1.6 * turned) * (
        0.5 * (frame["pages"] - 5) + frame["source"].map({"mail": 2, "search": 0, "ad": -2})
    )
    return frame, (rng.random(n_rows) < expit(log_odds - 0.5)).astype(np.int64)


@pytest.mark.parametrize("preset", ["fast", "balanced"])
def test_a_refined_table_model_follows_a_shop_that_changes(preset: Any) -> None:
    """Refined each month, it ranks the next month well and its probabilities fit; the first model's do neither."""
    model = TableClassifier(TABLE, PRESETS[preset], seed=0)
    frame, labels = visits(0)
    model.fit(frame[:1200], labels[:1200], validation=(frame[1200:], labels[1200:]))
    frozen = copy.deepcopy(model)
    for month in range(1, 7):
        frame, labels = visits(month)
        model.refine(frame[:1200], labels[:1200], validation=(frame[1200:], labels[1200:]), seed=month)
    frame, labels = visits(6, n_rows=4000)

    assert roc_auc_score(labels, model.probabilities(frame)) > 0.72
    assert roc_auc_score(labels, frozen.probabilities(frame)) < 0.4
    assert model.probabilities(frame).mean() == pytest.approx(labels.mean(), abs=0.03)
    assert log_loss(labels, model.probabilities(frame)) < log_loss(labels, frozen.probabilities(frame)) - 0.3


def test_a_refinement_that_gains_nothing_leaves_the_network() -> None:
    """Validation rows of the old relation defend the weights against rows of the opposite one."""
    model = TableClassifier(TABLE, PRESETS["fast"], seed=0)
    frame, labels = visits(0, n_rows=3000)
    held_out = (frame[1500:], labels[1500:])
    model.fit(frame[:1500], labels[:1500], validation=held_out)
    before, settings = model.network.network_.parameters.copy(), model.network.settings

    model.refine(frame[:1500], 1 - labels[:1500], validation=held_out, seed=1)

    np.testing.assert_array_equal(model.network.network_.parameters, before)
    assert model.network.best_epoch_ == 0
    assert model.network.settings == settings  # what refining changed was for its own time
    assert not model.network.warm_start
