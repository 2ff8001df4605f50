"""Folds: each row is held out once, its label does not leak, and the joined network has all members."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from models.encoding.feature_groups import FeatureGroups
from models.estimators.classifier import BackpropClassifier
from models.estimators.folds import Curves, fold_rows, mean_curves
from models.estimators.regressor import BackpropRegressor
from models.nn.network import Network

QUICK: dict[str, Any] = {"hidden_layer_sizes": (8,), "max_epochs": 5, "n_folds": 5, "random_state": 0}


def rows_of(n_rows: int = 400, n_columns: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, n_columns)).astype(np.float32)
    return X, (X[:, 0] + X[:, 1] * X[:, 2] + rng.standard_normal(n_rows) > 0).astype(np.int64)


@pytest.mark.parametrize("labelled", [True, False])
def test_every_row_is_held_out_once(labelled: bool) -> None:
    labels = np.repeat([0, 1], [90, 20]) if labelled else None
    folds = fold_rows(110, labels, None, n_folds=5, seed=3)

    assert len(folds) == 5
    assert sorted(np.concatenate([held_out for _, held_out in folds]).tolist()) == list(range(110))
    for training, held_out in folds:
        assert sorted([*training, *held_out]) == list(range(110))
        if labels is not None:
            assert labels[held_out].sum() == 4


@pytest.mark.parametrize(
    ("n_rows", "n_events", "expected"), [(100, 50, 5), (35, 15, 3), (19, 9, 0), (100, 3, 3), (100, 1, 0)]
)
def test_small_data_have_fewer_folds_or_none(n_rows: int, n_events: int, expected: int) -> None:
    """Each needs ten rows and one of each class."""
    labels = np.repeat([0, 1], [n_rows - n_events, n_events])
    assert len(fold_rows(n_rows, labels, None, n_folds=5, seed=0)) == expected


def test_mean_curves_hold_a_stopped_fold_at_the_epoch_it_keeps() -> None:
    folds = [
        Curves([5.0, 3.0, 2.0, 1.0], [6.0, 4.0, 5.0, 7.0], n_epochs=4, best_epoch=2),
        Curves([1.0, 0.5], [2.0, 3.0], n_epochs=2, best_epoch=1),
    ]
    mean = mean_curves(folds)
    assert mean.training == [3.0, 1.75, 1.5, 1.0]
    assert mean.validation == [4.0, 3.5, 3.5, 4.5]
    assert (mean.n_epochs, mean.best_epoch) == (4, 2)


def test_a_joined_network_is_the_mean_of_its_parts() -> None:
    rng = np.random.default_rng(0)
    parts = [Network((4, 5, 3, 1), n_members=n, rng=rng, dtype=np.float64) for n in (1, 3)]
    whole = Network.joined(parts, first_weights=[part.layers[0].weights for part in parts], directions=None)
    X = rng.standard_normal((10, 4))
    expected = np.concatenate([part.sums(X) for part in parts])

    np.testing.assert_allclose(whole.sums(X), expected, rtol=1e-12)
    np.testing.assert_allclose(whole.mean_sums(X), expected.mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize("n_members", [1, 2])
def test_held_out_sums_are_those_of_the_members_that_did_not_see_the_row(n_members: int) -> None:
    """The members stand in the order of the folds; a row's held-out sum is the mean over its own fold's."""
    X, y = rows_of()
    model = BackpropClassifier(n_members=n_members, **QUICK).fit(X, y)
    sums = model.network_.sums(X)[..., 0]

    assert len(sums) == 5 * n_members
    of_fold = sums.reshape(5, n_members, -1).mean(axis=1)
    distances = np.abs(of_fold - model.held_out_sums_[:, 0])
    matches = distances < 1e-5
    assert matches.any(axis=0).all()
    np.testing.assert_array_equal(np.bincount(distances.argmin(axis=0)), np.full(5, len(X) // 5))


def test_a_label_does_not_leak_into_its_own_held_out_sum() -> None:
    """A unique column per row can be memorised; held out, predictions are no better than chance."""
    rng = np.random.default_rng(0)
    X, y = np.eye(150, dtype=np.float32) * 5, rng.integers(0, 2, 150)
    options = {**QUICK, "max_epochs": 60, "patience": 60, "learning_rate": 1e-2, "dropout": 0.0, "weight_decay": 0.0}
    model = BackpropClassifier(**options).fit(X, y)

    assert roc_auc_score(y, model.decision_function(X)) > 0.85
    assert roc_auc_score(y, model.held_out_sums_[:, 0]) < 0.6


def test_every_second_fold_sees_the_coarser_view() -> None:
    """In folds 0, 2 and 4 the first weights of a group are the same for all its features, weight by weight."""
    X, y = rows_of()
    groups = FeatureGroups(np.array([1, 0.25, 0.75, 1, 0.5, 0.5], np.float32), np.array([0, 1, 1, 2, 3, 3]))
    weights = BackpropClassifier(n_members=2, **QUICK).fit(X, y, groups=groups).network_.layers[0].weights
    alike = [np.allclose(w[1] / 0.25, w[2] / 0.75) and np.allclose(w[4], w[5]) for w in weights]

    assert alike == [True, True, False, False] * 2 + [True, True]


def test_folds_views_and_directions_go_together() -> None:
    """No pair breaks a direction, also through the groups."""
    X, y = rows_of(n_rows=600)
    groups = FeatureGroups(np.array([1, 0.25, 0.75, 1, 0.5, 0.5], np.float32), np.array([0, 1, 1, 2, 3, 3]))
    model = BackpropClassifier(monotonic_cst=[1, -1, -1, 0, 1, 1], **QUICK).fit(X, y, groups=groups)
    low = np.random.default_rng(1).standard_normal((2000, 6)).astype(np.float32)
    for column, direction in enumerate([1, -1, -1, 0, 1, 1]):
        high = low.copy()
        high[:, column] += 1
        change = model.decision_function(high) - model.decision_function(low)
        if direction:
            assert (direction * change >= 0).all()
        assert (change != 0).any()


@pytest.mark.parametrize("estimator", [BackpropClassifier, BackpropRegressor])
def test_equal_seeds_give_equal_bits(estimator: Any) -> None:
    X, y = rows_of()
    parameters = [
        estimator(**{**QUICK, "random_state": seed}).fit(X, y).network_.parameters.tobytes() for seed in (0, 0, 1)
    ]
    assert parameters[0] == parameters[1] != parameters[2]


def test_a_regressor_trains_in_folds() -> None:
    X, _ = rows_of(n_rows=1000)
    y = 3 * X[:, 0] - X[:, 1] + 100
    model = BackpropRegressor((16,), n_folds=3, learning_rate=1e-2, random_state=0).fit(X, y)
    assert (model.n_folds_, model.network_.n_members) == (3, 3)
    assert model.score(X, y) > 0.97


def test_too_few_rows_are_trained_on_together() -> None:
    X, y = rows_of(n_rows=18)
    model = BackpropClassifier(**QUICK).fit(X, y)
    assert (model.n_folds_, model.network_.n_members) == (1, 1)
    assert not hasattr(model, "held_out_sums_")
