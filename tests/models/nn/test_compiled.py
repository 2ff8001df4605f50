"""The compiled loops against the numpy implementation, their oracle."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

from models.nn.losses import BINARY_LOG_LOSS
from models.nn.network import Network
from models.nn.optimizers import Adam
from models.nn.rows import Rows
from models.nn.training import Training, compiled_kernels

needs_numba = pytest.mark.skipif(compiled_kernels() is None, reason="numba is not installed (extra: compiled)")
ACTIVATIONS = ["identity", "relu", "silu", "sigmoid", "tanh"]


def made_network(activation: str, dropout: float, n_members: int) -> Network:
    rng = np.random.default_rng(3)
    network = Network((7, 33, 20, 1), hidden_activation=activation, dropout=dropout, n_members=n_members, rng=rng)
    network.parameters += rng.normal(0, 0.1, network.parameters.shape).astype(np.float32)
    return network


@needs_numba
@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_forward_and_backward_are_those_of_numpy(activation: str, dropout: float, n_members: int) -> None:
    """The same outputs of every layer, the same units dropped, the same gradients, but for the last bits."""
    rng = np.random.default_rng(0)
    inputs = (3 * rng.standard_normal((50, 7))).astype(np.float32)
    targets = rng.integers(0, 2, (50, 1)).astype(np.float32)
    network = made_network(activation, dropout, n_members)
    outputs, gradients = [], []
    for layer_kernel in (None, compiled_kernels().layer_kernel):  # type: ignore[union-attr]
        records = network.new_records(50, layer_kernel)
        assert [record.kernel is not None for record in records] == [layer_kernel is not None] * 2 + [False]
        network.forward(inputs, records, np.random.default_rng(5))
        outputs.append([record.outputs.copy() for record in records])
        network.backward(targets, BINARY_LOG_LOSS, records, 1 / 50)
        gradients.append(network.gradients.copy())

    for plain, compiled in zip(*outputs, strict=True):
        np.testing.assert_allclose(compiled, plain, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(gradients[1], gradients[0], rtol=1e-4, atol=1e-6)


@needs_numba
@pytest.mark.parametrize("size", [1e-30, 1e-3, 1.0, 8.2, 8.4, 50.0, 1e15])
def test_activations_hold_over_the_whole_range(size: float) -> None:
    """Value and slope at tiny, ordinary and huge sums of either sign, against the formulas in float64."""
    z = np.array([-size, size])
    with np.errstate(over="ignore"):
        s = 1 / (1 + np.exp(-z))
    expected = {
        "identity": (z, np.ones(2)),
        "relu": (np.maximum(z, 0), z > 0),
        "silu": (z * s, s + z * s * (1 - s)),
        "sigmoid": (s, s * (1 - s)),
        "tanh": (np.tanh(z), 1 - np.tanh(z) ** 2),
    }
    for activation in ACTIVATIONS:
        sums, outputs = np.array([[z]], np.float32), np.empty((1, 1, 2), np.float32)
        kernel = compiled_kernels().layer_kernel(activation)  # type: ignore[union-attr]
        kernel(sums, np.zeros((1, 1, 2), np.float32), outputs, None, np.random.default_rng(0))
        value, slope = expected[activation]
        np.testing.assert_allclose(outputs[0, 0], value, rtol=1e-6, atol=5e-7 * max(size, 1), err_msg=activation)
        np.testing.assert_allclose(sums[0, 0], slope, rtol=1e-6, atol=1e-6 * max(size, 1), err_msg=activation)


@needs_numba
def test_adam_is_that_of_numpy() -> None:
    """Thirty steps along the same gradients."""
    rng = np.random.default_rng(0)
    plain, compiled = Adam(), Adam()
    compiled.update = compiled_kernels().adam_update  # type: ignore[union-attr]
    parameters = [rng.standard_normal(1001).astype(np.float32)] * 2
    parameters = [array.copy() for array in parameters]
    for step in range(30):
        gradients = rng.standard_normal(1001).astype(np.float32) * 10.0 ** rng.integers(-6, 3)
        for optimizer, array in zip((plain, compiled), parameters, strict=True):
            optimizer.step(array, gradients.astype(np.float32), 0.01 / (step + 1))

    np.testing.assert_allclose(parameters[1], parameters[0], rtol=1e-4, atol=1e-6)


def trained(*, compiled: bool) -> Network:
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((500, 7)).astype(np.float32)
    rows = Rows(inputs, (inputs[:, :1] > 0).astype(np.float32))
    network = made_network("silu", 0.2, 2)
    training = Training(
        network,
        loss=BINARY_LOG_LOSS,
        optimizer=Adam(decoupled_decay=True),
        learning_rate=1e-3,
        rng=np.random.default_rng(1),
        batch_size=64,
        weight_decay=0.1,
        compiled=compiled,
    )
    training.epochs(rows, n_epochs=3)
    return network


@needs_numba
def test_a_training_ends_where_that_of_numpy_ends() -> None:
    """Row order, dropout and steps are the same, so weights differ by rounding only; equal seeds, equal bits."""
    plain, compiled, again = trained(compiled=False), trained(compiled=True), trained(compiled=True)

    np.testing.assert_allclose(compiled.parameters, plain.parameters, atol=2e-4)
    np.testing.assert_array_equal(compiled.parameters, again.parameters)
    assert not np.array_equal(compiled.parameters, plain.parameters)


def fake_numba(error: Exception) -> dict[str, ModuleType]:
    """Modules that imitate a numba which cannot compile."""

    def njit(*args: object, **options: object) -> None:
        raise error

    numba, core, config = ModuleType("numba"), ModuleType("numba.core"), ModuleType("numba.core.config")
    numba.__dict__.update(njit=njit, float32=float, uint64=int, core=core)
    core.__dict__.update(config=config)
    config.__dict__.update(DISABLE_JIT=0)
    return {"numba": numba, "numba.core": core, "numba.core.config": config}


@pytest.mark.parametrize(
    "modules",
    [
        pytest.param({"numba": None}, id="not installed"),
        pytest.param(fake_numba(RuntimeError("cannot cache function: no locator available")), id="no folder for it"),
        pytest.param(fake_numba(OSError("read-only file system")), id="read-only folder"),
    ],
)
def test_without_a_working_numba_numpy_trains(
    modules: dict[str, ModuleType | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a warning, and with the bits of numpy."""
    expected = trained(compiled=False)
    monkeypatch.delitem(sys.modules, "models.nn.compiled", raising=False)
    monkeypatch.delattr("models.nn.compiled", raising=False)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    compiled_kernels.cache_clear()
    try:
        assert compiled_kernels() is None
        np.testing.assert_array_equal(trained(compiled=True).parameters, expected.parameters)
    finally:
        compiled_kernels.cache_clear()
