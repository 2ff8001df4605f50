"""The article's own network, followed step by step through its appendix."""

from __future__ import annotations

import numpy as np
import pytest

from models.nn.losses import SQUARED_ERROR
from models.nn.network import Network
from models.nn.optimizers import SGD
from models.nn.rows import Rows
from models.nn.training import Training
from tests.models.nn.article import article_network

LEARNING_RATE = 0.1


def sigmoid(z: np.ndarray) -> np.ndarray:
    """The article's activation, as the article writes it."""
    return 1 / (1 + np.exp(-z))


@pytest.fixture
def network() -> Network:
    """Three inputs, four hidden units, one output."""
    network = article_network(3, 4, 1, rng=np.random.default_rng(7))
    network.layers[0].biases[...] = [[[0.1, -0.2, 0.3, 0.0]]]
    network.layers[1].biases[...] = -0.4
    return network


@pytest.fixture
def rows() -> Rows:
    """Six samples with targets between 0 and 1."""
    rng = np.random.default_rng(11)
    return Rows(rng.standard_normal((6, 3)), rng.random((6, 1)))


def train(network: Network, rows: Rows, *, n_epochs: int, batch_size: int | None = None) -> list[float]:
    """Plain gradient descent on the sum of squared errors."""
    training = Training(
        network,
        loss=SQUARED_ERROR,
        optimizer=SGD(),
        learning_rate=LEARNING_RATE,
        rng=np.random.default_rng(0),
        batch_size=batch_size,
        mean=False,
        shuffle=False,
    )
    return [epoch.training_loss for epoch in training.epochs(rows, n_epochs=n_epochs)]


def test_one_step_is_the_articles_step(network: Network, rows: Rows) -> None:
    """Forward, loss, every derivative and every update equal the article's formulas."""
    x, y = rows.inputs, rows.targets
    W1, b1 = network.layers[0].weights[0].copy(), network.layers[0].biases[0].copy()
    W2, b2 = network.layers[1].weights[0].copy(), network.layers[1].biases[0].copy()
    # forward propagation
    z1 = x @ W1 + b1
    a1 = sigmoid(z1)
    z2 = a1 @ W2 + b2
    y_hat = sigmoid(z2)
    # backpropagation
    at_output = 2 * (y_hat - y) * y_hat * (1 - y_hat)
    dL_dW2 = a1.T @ at_output
    dL_db2 = at_output.sum(axis=0, keepdims=True)
    at_hidden = (at_output @ W2.T) * a1 * (1 - a1)
    dL_dW1 = x.T @ at_hidden
    dL_db1 = at_hidden.sum(axis=0, keepdims=True)

    np.testing.assert_allclose(network.predict(x), y_hat, rtol=1e-12)
    [loss] = train(network, rows, n_epochs=1)

    np.testing.assert_allclose(loss * len(x), np.square(y - y_hat).sum(), rtol=1e-12)
    np.testing.assert_allclose(network.layers[1].weights[0], W2 - LEARNING_RATE * dL_dW2, rtol=1e-12)
    np.testing.assert_allclose(network.layers[1].biases[0], b2 - LEARNING_RATE * dL_db2, rtol=1e-12)
    np.testing.assert_allclose(network.layers[0].weights[0], W1 - LEARNING_RATE * dL_dW1, rtol=1e-12)
    np.testing.assert_allclose(network.layers[0].biases[0], b1 - LEARNING_RATE * dL_db1, rtol=1e-12)


def test_an_epoch_is_one_pass_over_the_samples(network: Network, rows: Rows) -> None:
    """Sample by sample, an epoch makes one update a sample, each from the weights that the last one left."""
    expected = [parameter.copy() for layer in network.layers for parameter in (layer.weights[0], layer.biases[0])]
    W1, b1, W2, b2 = expected
    for x, y in zip(rows.inputs[:, None, :], rows.targets[:, None, :], strict=True):
        a1 = sigmoid(x @ W1 + b1)
        y_hat = sigmoid(a1 @ W2 + b2)
        at_output = 2 * (y_hat - y) * y_hat * (1 - y_hat)
        at_hidden = (at_output @ W2.T) * a1 * (1 - a1)
        W2 -= LEARNING_RATE * a1.T @ at_output
        b2 -= LEARNING_RATE * at_output
        W1 -= LEARNING_RATE * x.T @ at_hidden
        b1 -= LEARNING_RATE * at_hidden

    train(network, rows, n_epochs=1, batch_size=1)

    actual = [parameter for layer in network.layers for parameter in (layer.weights[0], layer.biases[0])]
    for mine, theirs in zip(actual, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-11)


def test_the_articles_network_learns_xor() -> None:
    """Gradient descent brings the loss of the exclusive or close to zero."""
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
    y = np.array([[0], [1], [1], [0]], float)
    network = article_network(2, 4, 1, rng=np.random.default_rng(1))
    training = Training(
        network,
        loss=SQUARED_ERROR,
        optimizer=SGD(),
        learning_rate=1.0,
        rng=np.random.default_rng(0),
        batch_size=None,
        mean=False,
    )
    training.epochs(Rows(x, y), n_epochs=5000)

    np.testing.assert_allclose(network.predict(x), y, atol=0.1)
