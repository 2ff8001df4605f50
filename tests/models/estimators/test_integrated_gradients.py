"""Integrated gradients: shares that add up, and an oracle that follows the way step by step."""

from __future__ import annotations

import numpy as np
import pytest

from models.estimators.integrated_gradients import integrated_gradients
from models.nn.network import Network


def made_network(hidden: str = "relu", n_members: int = 3) -> Network:
    return Network((6, 32, 16, 1), hidden_activation=hidden, n_members=n_members, rng=np.random.default_rng(0))


@pytest.mark.parametrize("hidden", ["relu", "silu", "tanh", "sigmoid", "identity", "monotone"])
def test_the_shares_add_up_to_the_difference(hidden: str) -> None:
    """Completeness: the sum of the shares is the difference of the two predictions, up to float32."""
    network = made_network(hidden)
    rng = np.random.default_rng(1)
    for _ in range(20):
        row, reference = rng.standard_normal((2, 6)).astype(np.float32)
        shares = integrated_gradients(network, row, reference)
        difference = network.mean_sums(np.stack([row]))[0, 0] - network.mean_sums(np.stack([reference]))[0, 0]

        assert shares.sum() == pytest.approx(difference, abs=1e-5)


def test_a_thousand_small_steps_find_the_same_shares() -> None:
    """The plain way: the gradient by central differences at a thousand points from the reference to the row."""
    network = made_network("silu")
    rng = np.random.default_rng(2)
    row, reference = rng.standard_normal((2, 6)).astype(np.float32)
    points = reference + ((np.arange(1000) + 0.5) / 1000)[:, None] * (row - reference)
    h = 1e-2
    gradients = np.zeros(6)
    for i in range(6):
        step = np.eye(6)[i] * h
        above, below = (network.mean_sums((points + sign * step).astype(np.float32))[:, 0] for sign in (1, -1))
        gradients[i] = ((above - below) / (2 * h)).mean()

    np.testing.assert_allclose(
        integrated_gradients(network, row, reference), gradients * (row - reference), rtol=0.03, atol=4e-3
    )


def test_an_unmoved_feature_has_no_share() -> None:
    """A feature that is equal in row and reference cannot be a reason."""
    network = made_network()
    reference = np.zeros(6, np.float32)
    row = np.array([1, 0, -1, 0, 2, 0], np.float32)
    shares = integrated_gradients(network, row, reference)

    assert np.all(shares[[1, 3, 5]] == 0)
    assert np.all(shares[[0, 2, 4]] != 0)


def test_a_linear_network_is_explained_exactly() -> None:
    """Without a hidden layer the share of a feature is its weight times its way."""
    network = Network((6, 1), n_members=2, rng=np.random.default_rng(0))
    rng = np.random.default_rng(1)
    row, reference = rng.standard_normal((2, 6)).astype(np.float32)

    np.testing.assert_allclose(
        integrated_gradients(network, row, reference),
        network.layers[0].weights.mean(axis=0)[:, 0] * (row - reference),
        rtol=1e-5,
    )
