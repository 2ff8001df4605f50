"""Input scales: the step follows the chain rule, and uninformative inputs lose their weights."""

from __future__ import annotations

import numpy as np
import pytest

from models.nn.input_scales import InputScales
from models.nn.losses import BINARY_LOG_LOSS
from models.nn.network import Network
from models.nn.optimizers import SGD, Adam
from models.nn.rows import Rows
from models.nn.training import Training

WIDTHS = (3, 4, 1)


def rows_of(n_rows: int, n_noise: int, dtype: type, seed: int = 0) -> Rows:
    """Two inputs that matter, through their product as well, and some that do not."""
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((n_rows, 2 + n_noise)).astype(dtype)
    log_odds = 2 * inputs[:, 0] - inputs[:, 1] + inputs[:, 0] * inputs[:, 1]
    return Rows(inputs, (rng.random(n_rows) < 1 / (1 + np.exp(-log_odds))).astype(dtype)[:, None])


def log_loss(network: Network, first_weights: np.ndarray, rows: Rows) -> float:
    """The members' summed mean loss with these first weights, written out once more."""
    first, last = network.layers
    hidden = np.tanh(rows.inputs @ first_weights + first.biases)
    sums = hidden @ last.weights + last.biases
    return float((np.logaddexp(0, sums) - rows.targets * sums).mean(axis=(1, 2)).sum())


@pytest.mark.parametrize("n_members", [1, 3])
def test_two_steps_are_those_of_the_products_factors(n_members: int) -> None:
    """Gradient descent on scales and free weights, their gradients taken by finite differences."""
    rate, scale_rate, rows = 0.1, 5.0, rows_of(50, 1, np.float64)
    network = Network(
        WIDTHS, hidden_activation="tanh", n_members=n_members, rng=np.random.default_rng(1), dtype=np.float64
    )
    training = Training(
        network,
        loss=BINARY_LOG_LOSS,
        optimizer=SGD(),
        learning_rate=rate,
        rng=np.random.default_rng(2),
        batch_size=None,
        input_scales=InputScales(network, SGD(), rate=scale_rate),
    )
    first = network.layers[0]
    free, scales = first.weights.copy(), np.ones((n_members, 3, 1))
    for _ in range(2):
        by_factor = []
        for factor in (free, scales):
            gradient = np.empty_like(factor)
            for place in np.ndindex(factor.shape):
                kept, losses = factor[place], []
                for moved in (kept + 1e-6, kept - 1e-6):
                    factor[place] = moved
                    losses.append(log_loss(network, free * scales, rows))
                factor[place] = kept
                gradient[place] = (losses[0] - losses[1]) / 2e-6
            by_factor.append(gradient)
        training.epochs(rows, n_epochs=1)
        free -= rate * by_factor[0]
        scales -= rate * scale_rate * by_factor[1]
        np.testing.assert_allclose(first.weights, free * scales, atol=1e-8)


def test_inputs_that_tell_nothing_lose_their_weights() -> None:
    """Among 60 noise inputs the two informative ones stand out more, and held-out rows are predicted better."""
    training_rows, other = rows_of(2000, 60, np.float32), rows_of(5000, 60, np.float32, seed=1)
    shares, losses = [], []
    for rate in (0.0, 10.0):
        network = Network((62, 32, 1), rng=np.random.default_rng(0))
        scales = InputScales(network, Adam(), rate=rate) if rate else None
        options = {"optimizer": Adam(), "learning_rate": 1e-3, "rng": np.random.default_rng(1)}
        Training(network, loss=BINARY_LOG_LOSS, batch_size=32, input_scales=scales, **options).epochs(
            training_rows, n_epochs=12
        )
        squares = np.square(network.layers[0].weights[0]).sum(axis=1)
        shares.append(squares[:2].sum() / squares.sum())
        outputs = network.predict(other.inputs).astype(np.float64)
        losses.append(-np.log(np.where(other.targets == 1, outputs, 1 - outputs)).mean())

    assert shares[1] > 2 * shares[0]
    assert losses[1] < losses[0] - 0.02


def test_a_scale_stops_at_zero_and_may_come_back() -> None:
    """Below zero it would turn an input's direction round; at zero it still learns."""
    network = Network(WIDTHS, rng=np.random.default_rng(0))
    first, free = network.layers[0], network.layers[0].weights.copy()
    scales = InputScales(network, SGD(), rate=1.0)
    for gradient, expected in ((1e3 * free, 0.0), (-free / np.square(free).sum(axis=-1, keepdims=True), 1.0)):
        first.weight_gradients[...] = gradient
        scales.take_apart()
        np.testing.assert_array_equal(first.weights, free)
        scales.put_together(1.0)
        np.testing.assert_allclose(first.weights, expected * free, rtol=1e-6)
