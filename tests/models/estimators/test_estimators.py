"""The estimators among scikit-learn's own tools, and what they add."""

from __future__ import annotations

import inspect
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import Ridge
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.encoding import TableEncoder
from models.estimators.autoencoder import BackpropAutoencoder
from models.estimators.base import BackpropEstimator
from models.estimators.classifier import BackpropClassifier
from models.estimators.regressor import BackpropRegressor
from models.presets import PRESETS, NetworkSettings, PresetName

ESTIMATORS = [BackpropClassifier, BackpropRegressor, BackpropAutoencoder]


@pytest.fixture(scope="module")
def cancer() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_shared_parameters_have_one_default(estimator: type[BackpropEstimator]) -> None:
    """The constructors repeat the base's defaults, but for the autoencoder's shape and what others leave to presets."""
    own, base = inspect.signature(estimator).parameters, inspect.signature(BackpropEstimator).parameters
    for name, parameter in base.items():
        if "preset" in own and name in NetworkSettings.names:
            assert own[name].default is None, name
        elif (estimator, name) != (BackpropAutoencoder, "hidden_layer_sizes"):
            assert own[name].default == parameter.default, name


@pytest.mark.parametrize("estimator", [BackpropClassifier, BackpropRegressor])
@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_stands_for_what_is_not_given(estimator: Any, preset: PresetName) -> None:
    """What is given counts, all else is as the preset has it; `balanced` is the default."""
    assert estimator(preset=preset).settings == NetworkSettings(**PRESETS[preset].network)
    assert estimator().settings == estimator(preset="balanced").settings
    assert estimator(preset=preset, dropout=0.0).settings == replace(estimator(preset=preset).settings, dropout=0.0)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_equal_seeds_give_equal_bits(estimator: Any, cancer: tuple[np.ndarray, np.ndarray]) -> None:
    """Two fits with one seed end with the same weights; another seed ends with others."""
    weights = [
        estimator(random_state=seed, max_epochs=3, dropout=0.1, n_members=2).fit(*cancer).network_.parameters.tobytes()
        for seed in (1, 1, 2)
    ]
    assert weights[0] == weights[1] != weights[2]


def test_a_frame_goes_through_pipeline_grid_search_and_pickle() -> None:
    """Encoder and classifier inside Pipeline, searched with two processes, cloned and pickled."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.standard_normal(300), "group": rng.choice(["a", "b"], 300)})
    frame.loc[::9, "x"] = np.nan
    y = ((frame["x"].fillna(0) > 0) ^ (frame["group"] == "a")).astype(int)
    pipeline = make_pipeline(TableEncoder(), BackpropClassifier((16,), max_epochs=30, random_state=0))
    search = GridSearchCV(pipeline, {"backpropclassifier__learning_rate": [1e-5, 1e-2]}, n_jobs=2, cv=3)
    search.fit(frame, y)

    assert search.best_params_ == {"backpropclassifier__learning_rate": 1e-2}
    assert search.best_score_ > 0.85
    again = pickle.loads(pickle.dumps(search.best_estimator_))  # noqa: S301
    np.testing.assert_array_equal(again.predict_proba(frame), search.best_estimator_.predict_proba(frame))
    assert clone(again).get_params()["backpropclassifier__learning_rate"] == 1e-2


def test_three_classes_are_told_apart() -> None:
    """Softmax and multi-class log-loss on the irises."""
    X, y = load_iris(return_X_y=True, as_frame=True)
    names = load_iris().target_names[y]
    scores = cross_val_score(
        make_pipeline(StandardScaler(), BackpropClassifier((32,), learning_rate=1e-2, random_state=0)), X, names, cv=5
    )
    assert scores.mean() > 0.93


def test_probabilities_rank_and_fit(cancer: tuple[np.ndarray, np.ndarray]) -> None:
    """On held-out rows of a real table."""
    X, X_test, y, y_test = train_test_split(*cancer, random_state=0, stratify=cancer[1])
    model = BackpropClassifier((32, 16), n_members=4, random_state=0).fit(X, y)
    probabilities = model.predict_proba(X_test)

    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert roc_auc_score(y_test, probabilities[:, 1]) > 0.985
    assert log_loss(y_test, probabilities) < 0.15


def test_a_heavier_class_is_predicted_more_often(cancer: tuple[np.ndarray, np.ndarray]) -> None:
    """Class weights move the probabilities towards the class that weighs more."""
    noisy = cancer[0] + 3 * np.random.default_rng(0).standard_normal(cancer[0].shape)
    plain, heavy = (
        BackpropClassifier((8,), class_weight=weight, max_epochs=20, random_state=0).fit(noisy, cancer[1])
        for weight in (None, {0: 10, 1: 1})
    )
    assert heavy.predict_proba(noisy)[:, 0].mean() > plain.predict_proba(noisy)[:, 0].mean() + 0.1


def test_validation_data_given_are_those_that_are_watched(cancer: tuple[np.ndarray, np.ndarray]) -> None:
    """The last validation loss is the log-loss of the given rows, here computed by scikit-learn."""
    X, X_validation, y, y_validation = train_test_split(*cancer, random_state=0)
    model = BackpropClassifier((8,), max_epochs=5, patience=50, random_state=0)
    model.fit(X, y, validation_data=(X_validation, y_validation))
    watched = min(model.validation_curve_)

    assert log_loss(y_validation, model.predict_proba(X_validation)) == pytest.approx(watched, rel=1e-4)


def test_callbacks_see_the_curves(cancer: tuple[np.ndarray, np.ndarray]) -> None:
    """One call an epoch, with the losses that end up in the curves."""
    epochs: list[Any] = []
    model = BackpropClassifier((8,), max_epochs=4, n_folds=1, callbacks=[epochs.append], random_state=0).fit(*cancer)

    assert [epoch.training_loss for epoch in epochs] == model.training_curve_
    assert [epoch.validation_loss for epoch in epochs] == model.validation_curve_


def test_the_quantile_of_a_target_is_found_where_the_spread_changes() -> None:
    """For an exponential target of scale 1 + x the 0.9 quantile is (1 + x) ln 10."""
    rng = np.random.default_rng(0)
    x = rng.random((5000, 1))
    y = rng.exponential(1 + x[:, 0])
    model = BackpropRegressor((16,), loss="pinball", quantile=0.9, n_members=4, random_state=0).fit(x, y)
    grid = np.linspace(0.1, 0.9, 9)[:, None]

    np.testing.assert_allclose(model.predict(grid), (1 + grid[:, 0]) * np.log(10), rtol=0.12)


def test_the_mean_of_a_real_target_is_predicted() -> None:
    """Cross-validated on the diabetes table, as well as ridge regression to within a few points of R squared."""
    X, y = load_diabetes(return_X_y=True)
    model = make_pipeline(StandardScaler(), BackpropRegressor((16,), n_members=4, dropout=0.1, random_state=0))
    ridge = cross_val_score(make_pipeline(StandardScaler(), Ridge()), X, y, cv=5).mean()

    assert cross_val_score(model, X, y, cv=5).mean() > ridge - 0.06


def test_the_autoencoder_finds_what_breaks_the_pattern() -> None:
    """Rows that leave a curved line stand out, though each of their columns looks usual."""
    rng = np.random.default_rng(0)
    t = rng.uniform(-2, 2, 2000)
    X = np.stack([t, t**2, np.sin(2 * t), t - t**2], axis=1) + 0.05 * rng.standard_normal((2000, 4))
    strange = np.stack([rng.permutation(column) for column in X.T], axis=1)[:100]
    model = BackpropAutoencoder((32, 2, 32), learning_rate=3e-3, contamination=0.05, random_state=0).fit(X)
    truth = np.repeat([0, 1], [2000, 100])
    both = np.vstack([X, strange])

    auc = roc_auc_score(truth, model.anomaly_score(both))
    forest = roc_auc_score(truth, -IsolationForest(random_state=0).fit(X).score_samples(both))
    assert auc > max(0.93, forest)
    assert np.mean(model.predict(X) == -1) == pytest.approx(0.05, abs=0.005)
    np.testing.assert_array_equal(model.score_samples(both), -model.anomaly_score(both))


@pytest.mark.parametrize(
    ("y", "words"), [([1] * 30, "at least two classes"), ([0, 1] * 14 + [1, 0], None)], ids=["one class", "two"]
)
def test_one_class_is_refused(y: list[int], words: str | None) -> None:
    """A target that never varies cannot be learned, and the error says so."""
    X = np.random.default_rng(0).standard_normal((30, 2))
    if words is None:
        BackpropClassifier((2,), max_epochs=1).fit(X, y)
    else:
        with pytest.raises(ValueError, match=words):
            BackpropClassifier().fit(X, y)


def test_a_training_that_diverges_says_so() -> None:
    """Inputs far out of scale are named, instead of a network of NaN."""
    X = np.random.default_rng(0).standard_normal((100, 2)) * 1e12
    with pytest.raises(ValueError, match=r"diverged.*scale the inputs"):
        BackpropRegressor((4,), learning_rate=1e30, optimizer="sgd", random_state=0).fit(X, X[:, 0])
