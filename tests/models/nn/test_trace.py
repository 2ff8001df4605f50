"""A traced row: forward the bits of a prediction, backward those of training, and difference quotients beside them."""

import numpy as np
import pytest

from models.nn.losses import BINARY_LOG_LOSS, SQUARED_ERROR
from models.nn.network import Network
from models.nn.trace import difference_quotients, trace
from tests.models.nn.article import article_network

HIDDEN = ["sigmoid", "tanh", "relu", "silu", "monotone"]
LOSSES = [(BINARY_LOG_LOSS, "sigmoid"), (SQUARED_ERROR, "sigmoid"), (SQUARED_ERROR, "identity")]


def network_of(hidden, output="sigmoid", *, dtype=np.float32, seed=0, n_members=3):
    rng = np.random.default_rng(seed)
    directions = [1, 0, -1, 0, 0] if hidden == "monotone" else None
    network = Network(
        (5, 7, 4, 1),
        hidden_activation=hidden,
        output_activation=output,
        n_members=n_members,
        dropout=0.5,
        directions=directions,
        rng=rng,
        dtype=dtype,
    )
    network.parameters += 0.1 * rng.standard_normal(network.parameters.shape).astype(dtype)
    network.finish_step((), 0.0)
    return network


def row_of(seed=1):
    return np.random.default_rng(seed).standard_normal(5).astype(np.float32)


@pytest.mark.parametrize("hidden", HIDDEN)
def test_forward_has_the_bits_of_a_prediction(hidden):
    """Alone or among others, of each member and of their vote; dropout is no part of it."""
    network, row = network_of(hidden), row_of()
    found = trace(network, row, [1], BINARY_LOG_LOSS, learning_rate=0.1)
    among = np.stack([row_of(2), row, row_of(3)])
    assert found.vote.tobytes() == network.mean_sums(among)[1].tobytes()
    assert found.layers[-1].sums.tobytes() == network.sums(row[None])[:, 0].tobytes()
    for layer, of in zip(found.layers, network.layers, strict=True):
        for member in range(network.n_members):
            product = layer.inputs[member].astype(np.float64) @ of.weights[member] + of.biases[member, 0]
            np.testing.assert_allclose(layer.sums[member], product, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("loss", "output"), LOSSES)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_gradients_are_those_of_training(hidden, output, loss):
    """The same as `Network.backward` leaves behind for a batch of this row, and each is the chain rule's product."""
    network, row = network_of(hidden, output, dtype=np.float64), row_of().astype(np.float64)
    found = trace(network, row, [1], loss, learning_rate=0.1)
    plain = network_of(hidden, output, dtype=np.float64)
    records = [layer.new_record(1, np.dtype(np.float64), drops=False) for layer in plain.layers]
    plain.forward(row[None], records, np.random.default_rng(0))
    plain.backward(np.ones((1, 1)), loss, records, 1.0)
    for i, (layer, of) in enumerate(zip(found.layers, plain.layers, strict=True)):
        np.testing.assert_allclose(layer.weight_gradients, of.weight_gradients, rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(layer.bias_gradients, of.bias_gradients[:, 0], rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(
            layer.weight_gradients, layer.inputs[:, :, None] * layer.sum_gradients[:, None, :], rtol=1e-12
        )
        if i:
            chained = np.einsum("mo,mio->mi", layer.sum_gradients, layer.weights)
            np.testing.assert_allclose(found.layers[i - 1].output_gradients, chained, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_difference_quotients_agree(dtype):
    """They use no derivatives, and are accurate enough for a float32 network, too."""
    network, row = network_of("tanh", dtype=dtype), row_of()
    before = network.parameters.tobytes(), network.gradients.tobytes()
    found = trace(network, row, [0], BINARY_LOG_LOSS, learning_rate=0.1)
    numbers = range(len(network.parameters))
    quotients = difference_quotients(network, row, [0], BINARY_LOG_LOSS, numbers)
    gradients = np.concatenate(
        [layer.weight_gradients.ravel() for layer in found.layers]
        + [layer.bias_gradients.ravel() for layer in found.layers]
    )
    np.testing.assert_allclose(gradients, quotients, rtol=1e-4, atol=1e-6)
    assert (network.parameters.tobytes(), network.gradients.tobytes()) == before  # whoever answers is left alone


def test_one_step_moves_against_the_gradient():
    """W := W - learning_rate * dL/dW lowers the loss of every member; a direction that is promised is kept."""
    network, row = network_of("monotone"), row_of()
    found = trace(network, row, [1], BINARY_LOG_LOSS, learning_rate=0.01)
    assert (found.losses_after < found.losses).all()
    assert found.vote_after > found.vote
    assert found.vote_after.tobytes() == found.after.mean_sums(row[None])[0].tobytes()
    moved = found.after.copy()
    moved.finish_step((), 0.0)
    assert moved.parameters.tobytes() == found.after.parameters.tobytes()

    free = network_of("tanh")
    found = trace(free, row, [1], BINARY_LOG_LOSS, learning_rate=0.5)
    np.testing.assert_array_equal(
        found.after.layers[1].weights, free.layers[1].weights - found.layers[1].weight_gradients * np.float32(0.5)
    )


def test_the_articles_network_can_be_traced():
    """Two layers of sigmoid units and the sum of squared errors: dL/da = 2 (a - y), da/dz = a (1 - a)."""
    network = article_network(3, 4, 1, rng=np.random.default_rng(0))
    found = trace(network, np.array([0.0, 1, 1]), [1], SQUARED_ERROR, learning_rate=1.0)
    last = found.layers[-1]
    np.testing.assert_allclose(last.output_gradients, 2 * (last.outputs - 1))
    np.testing.assert_allclose(last.sum_gradients, last.output_gradients * last.outputs * (1 - last.outputs))
    assert found.losses[0] == pytest.approx((last.outputs[0, 0] - 1) ** 2)
