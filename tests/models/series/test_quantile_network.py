"""One network learns all quantiles of all steps."""

import numpy as np
import pytest
from scipy.stats import norm

from models.series.held_out import folds_of_series
from models.series.quantile_network import fit_quantile_network
from models.series.settings import LEVELS, SeriesSettings, Size

SIZE = Size(hidden=(16,), n_members=2, sharpness=8, max_share=1)
SETTINGS = SeriesSettings(2, dropout=0.0, n_epochs=40, learning_rate=0.005)


def fitted(seed=0, n=6000):
    """Two steps of known quantiles: the first's spread, the second's middle depends on a feature of its own."""
    rng = np.random.default_rng(5)
    X = rng.standard_normal((n, 3)).astype(np.float32)
    spread, middle = np.exp(0.5 * X[:, 0]), 2 * X[:, 1]
    targets = np.stack([spread * rng.standard_normal(n), middle + rng.standard_normal(n)], axis=1)
    of = np.repeat(np.arange(n // 100), 100)
    rng = np.random.default_rng(seed)
    folds = folds_of_series(of, 3, rng)
    network, held = fit_quantile_network(X, targets, np.ones(n), folds, SETTINGS, SIZE, rng)
    truth = np.stack([spread[:, None] * norm.ppf(LEVELS), middle[:, None] + norm.ppf(LEVELS)], axis=1)
    return network, held, X, truth, folds


@pytest.fixture(scope="module")
def fit():
    return fitted()


def test_it_finds_the_conditional_quantiles(fit):
    network, held, X, truth, _ = fit
    for found in (network.quantiles(X), held):
        assert np.abs(found - truth)[:, :, 1:-1].mean() < 0.15
        assert np.corrcoef(found[:, 0, 5], truth[:, 0, 5])[0, 1] > 0.95


def test_held_out_quantiles_come_from_the_folds_own_members(fit):
    """The whole is the mean of the folds' members, and each fold's say of its held-out rows is that of its own two."""
    network, held, X, _, folds = fit
    inputs = np.clip((X - network.mean) / network.spread, -8, 8).astype(np.float32)
    sums = network.network.sums(inputs)
    assert len(sums) == 6
    for fold, (_, rows) in enumerate(folds):
        own = np.sort(sums[2 * fold : 2 * fold + 2].mean(axis=0).reshape(len(X), 2, 7), axis=2)
        np.testing.assert_allclose(held[rows], own[rows], rtol=1e-4, atol=1e-4)
    together = np.sort(sums.mean(axis=0).reshape(len(X), 2, 7), axis=2)
    np.testing.assert_allclose(network.quantiles(X), together, rtol=1e-4, atol=1e-4)


def test_quantiles_rise_and_far_inputs_do_not_run_away(fit):
    network, _, X, _, _ = fit
    far = network.quantiles(X * 1e6)
    assert (np.diff(far, axis=2) >= 0).all()
    assert np.abs(far).max() < 1000


def test_equal_seeds_give_equal_bits():
    one, other, third = fitted(n=600), fitted(n=600), fitted(seed=1, n=600)
    np.testing.assert_array_equal(one[1], other[1])
    assert (one[1] != third[1]).any()
