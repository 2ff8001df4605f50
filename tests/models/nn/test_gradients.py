"""Every gradient against an oracle that knows nothing of backpropagation: central differences, and PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

from models.nn.losses import BINARY_LOG_LOSS, MULTICLASS_LOG_LOSS, SQUARED_ERROR, Loss, pinball
from models.nn.network import Network

HIDDEN = ["identity", "sigmoid", "tanh", "relu", "silu", "monotone"]
PAIRS = [
    (BINARY_LOG_LOSS, "sigmoid"),
    (MULTICLASS_LOG_LOSS, "softmax"),
    (SQUARED_ERROR, "identity"),
    (SQUARED_ERROR, "sigmoid"),
    (SQUARED_ERROR, "softmax"),
    (SQUARED_ERROR, "tanh"),
    (pinball(0.9), "identity"),
    (pinball(0.2), "sigmoid"),
]


def draw(seed: int, loss: Loss, output: str, hidden: str) -> tuple[Network, np.ndarray, np.ndarray, np.ndarray]:
    """A random architecture in float64 with random rows, targets that suit the loss, and row weights."""
    rng = np.random.default_rng(seed)
    n_outputs = 3 if output == "softmax" else int(rng.integers(1, 3))
    widths = [int(width) for width in rng.integers(2, 7, size=rng.integers(1, 4))]
    network = Network(
        (*widths, n_outputs),
        hidden_activation=hidden,
        output_activation=output,
        n_members=int(rng.integers(1, 4)),
        rng=rng,
        dtype=np.float64,
    )
    network.parameters += 0.1 * rng.standard_normal(network.parameters.shape)
    inputs = rng.standard_normal((5, widths[0]))
    targets = rng.random((5, n_outputs))
    if loss is MULTICLASS_LOG_LOSS:
        targets = np.eye(3)[rng.integers(0, 3, size=5)]
    elif loss is BINARY_LOG_LOSS:
        targets = np.round(targets)
    return network, inputs, targets, rng.random((5, 1))


def batch_loss(network: Network, inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray, loss: Loss) -> float:
    """The weighted loss summed over rows and members, by forward passes only."""
    sums = network.sums(inputs)
    outputs = np.empty_like(sums)
    network.layers[-1].activation.apply(sums, outputs)
    return float((loss.value(sums, outputs, targets) * weights[:, 0]).sum())


def backpropagate(
    network: Network, inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray, loss: Loss
) -> np.ndarray:
    """The gradient by our own backward pass."""
    records = network.new_records(len(inputs))
    network.forward(inputs, records, np.random.default_rng(0))
    network.backward(targets, loss, records, weights)
    return network.gradients.copy()


CASES = [
    pytest.param(hidden, loss, output, 100 * i + j, id=f"{hidden}-{loss.name}-{output}")
    for i, hidden in enumerate(HIDDEN)
    for j, (loss, output) in enumerate(PAIRS)
]


@pytest.mark.parametrize(("hidden", "loss", "output", "seed"), CASES)
def test_gradients_equal_central_differences(hidden: str, loss: Loss, output: str, seed: int) -> None:
    """(L(w + h) - L(w - h)) / 2h for every single parameter."""
    network, inputs, targets, weights = draw(seed, loss, output, hidden)
    analytic = backpropagate(network, inputs, targets, weights, loss)

    h = 1e-6
    numeric = np.empty_like(analytic)
    for i in range(len(numeric)):
        network.parameters[i] += h
        above = batch_loss(network, inputs, targets, weights, loss)
        network.parameters[i] -= 2 * h
        below = batch_loss(network, inputs, targets, weights, loss)
        network.parameters[i] += h
        numeric[i] = (above - below) / (2 * h)

    np.testing.assert_allclose(analytic, numeric, rtol=1e-5, atol=1e-7)


def test_a_dropped_unit_gets_no_gradient() -> None:
    """With dropout the gradient is that of the thinned network: nothing flows through units that were off."""
    network = Network((4, 50, 1), dropout=0.5, rng=np.random.default_rng(0), dtype=np.float64)
    inputs, targets = np.ones((1, 4)), np.ones((1, 1))
    records = network.new_records(1)
    network.forward(inputs, records, np.random.default_rng(1))
    network.backward(targets, BINARY_LOG_LOSS, records, 1.0)

    off = records[0].outputs[0, 0] == 0
    assert 5 < off.sum() < 50
    assert np.all(network.layers[1].weight_gradients[0, off] == 0)
    assert np.all(network.layers[0].weight_gradients[0][:, off] == 0)
    assert np.all(network.layers[1].weight_gradients[0, ~off] != 0)


@pytest.mark.parametrize(("hidden", "loss", "output", "seed"), CASES)
def test_gradients_equal_those_of_pytorch(hidden: str, loss: Loss, output: str, seed: int) -> None:
    """The same network, rows and loss through PyTorch's automatic differentiation."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: bench)")
    network, inputs, targets, weights = draw(1000 + seed, loss, output, hidden)
    analytic = backpropagate(network, inputs, targets, weights, loss)

    def rho(z: torch.Tensor) -> torch.Tensor:
        return torch.where(z < -1, torch.zeros_like(z), torch.where(z < 1, (z + 1) ** 2 / 4, z))

    def monotone(z: torch.Tensor) -> torch.Tensor:
        third = z.shape[-1] // 3
        convex, concave, bounded = torch.split(z, [z.shape[-1] - 2 * third, third, third], dim=-1)
        return torch.cat([rho(convex), -rho(-concave), torch.clamp(rho(bounded), max=1)], dim=-1)

    functions = {
        "identity": lambda z: z,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "silu": torch.nn.functional.silu,
        "monotone": monotone,
        "softmax": lambda z: torch.softmax(z, dim=-1),
    }
    parameters = [torch.tensor(array, requires_grad=True) for array in weights_then_biases(network)]
    n_layers = len(network.layers)
    values = torch.tensor(inputs)
    for i, layer in enumerate(network.layers):
        values = functions[layer.activation.name](values @ parameters[i] + parameters[n_layers + i])
    y = torch.tensor(targets)
    by_row = {
        "squared_error": lambda: (values - y) ** 2,
        "log_loss": lambda: -(y * torch.log(values) + (1 - y) * torch.log(1 - values)),
        "multiclass_log_loss": lambda: -y * torch.log(values),
        "pinball": lambda: torch.maximum(quantile_of(loss) * (y - values), (quantile_of(loss) - 1) * (y - values)),
    }[loss.name]()
    (by_row.sum(dim=-1) * torch.tensor(weights[:, 0])).sum().backward()
    expected = np.concatenate([parameter.grad.numpy().ravel() for parameter in parameters])

    np.testing.assert_allclose(analytic, expected, rtol=1e-9, atol=1e-12)


def weights_then_biases(network: Network) -> list[np.ndarray]:
    return [layer.weights.copy() for layer in network.layers] + [layer.biases.copy() for layer in network.layers]


def quantile_of(loss: Loss) -> float:
    """The slope of the pinball loss above the prediction."""
    return float(-loss.gradient(np.zeros(1), np.ones(1))[0])
