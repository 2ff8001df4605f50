"""The sparse first layer against the same network written densely, and against central differences."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from models.nn.dropout import Dropout
from models.nn.losses import BINARY_LOG_LOSS, MULTICLASS_LOG_LOSS, Loss
from models.nn.network import Network
from models.nn.optimizers import Adam
from models.nn.rows import Rows
from models.nn.sparse_layer import RATE_FACTOR, SparseLayer
from models.nn.sparse_network import SparseNetwork
from models.nn.sparse_rows import SparseRows
from models.nn.training import EarlyStopping, Training

N_INPUTS, N_UNITS, N_CLASSES, N_MEMBERS = 30, 6, 3, 2


def sparse(rows: list[tuple[Any, Any]], n_columns: int) -> SparseRows:
    """Rows given one by one, as their columns and values."""
    starts = np.cumsum([0, *(len(columns) for columns, _ in rows)])
    columns = np.concatenate([np.empty(0, np.intp), *(columns for columns, _ in rows)])
    values = np.concatenate([values for _, values in rows]) if rows else np.empty(0, np.float32)
    return SparseRows(starts, columns, values, n_columns)


def made_rows(n_rows: int, *, dtype: type = np.float64, seed: int = 0) -> SparseRows:
    """Rows with up to five entries, the first one with none."""
    rng = np.random.default_rng(seed)
    rows = [
        (np.sort(rng.choice(N_INPUTS, size, replace=False)), rng.standard_normal(size).astype(dtype))
        for size in [0, *rng.integers(1, 6, n_rows - 1)]
    ]
    return sparse(rows, N_INPUTS)


def made_network(*, dtype: type = np.float64, n_outputs: int = N_CLASSES, output: str = "softmax") -> SparseNetwork:
    rng = np.random.default_rng(1)
    network = SparseNetwork(
        (N_INPUTS, N_UNITS, n_outputs), n_members=N_MEMBERS, output_activation=output, rng=rng, dtype=dtype
    )
    network.parameters += (0.1 * rng.standard_normal(network.parameters.shape)).astype(dtype)
    network.first.biases += (0.1 * rng.standard_normal(network.first.biases.shape)).astype(dtype)
    return network


def densely(network: SparseNetwork) -> Network:
    """The same network as dense layers, whose first weights hold all inputs."""
    dense = Network(
        (N_INPUTS, N_UNITS, network.layers[-1].n_outputs),
        output_activation=network.layers[-1].activation.name,
        n_members=N_MEMBERS,
        rng=np.random.default_rng(0),
        dtype=network.parameters.dtype,
    )
    first = network.first
    dense.layers[0].weights[...] = first.weights.reshape(N_INPUTS, N_MEMBERS, N_UNITS).swapaxes(0, 1)
    dense.layers[0].biases[...] = first.biases.reshape(N_MEMBERS, 1, N_UNITS)
    dense.layers[1].weights[...] = network.layers[0].weights
    dense.layers[1].biases[...] = network.layers[0].biases
    return dense


def test_parts_of_sparse_rows_are_those_of_the_matrix() -> None:
    """Slices, chosen rows and rows put together, against the same operation on the dense matrix."""
    rows = made_rows(9)
    whole = rows.dense()
    assert (rows.shape, whole.shape) == ((9, N_INPUTS), (9, N_INPUTS))
    for part in (slice(2, 5), slice(None), slice(3, 3), slice(-2, None), slice(0, 9, 3), slice(5, 2)):
        np.testing.assert_array_equal(rows[part].dense(), whole[part])
    chosen = np.array([8, 0, 0, 3])
    np.testing.assert_array_equal(rows[chosen].dense(), whole[chosen])
    np.testing.assert_array_equal(
        SparseRows.concatenated([rows[2:5], rows[0:1], rows[7:]]).dense(), whole[[2, 3, 4, 0, 7, 8]]
    )
    np.testing.assert_array_equal(sparse([], 4).dense(), np.zeros((0, 4)))


@pytest.mark.parametrize(
    ("loss", "output", "n_outputs"), [(MULTICLASS_LOG_LOSS, "softmax", 3), (BINARY_LOG_LOSS, "sigmoid", 1)]
)
def test_both_passes_equal_those_of_the_dense_network(loss: Loss, output: str, n_outputs: int) -> None:
    """Predictions, and the gradients of all weights and biases."""
    rows, network = made_rows(7), made_network(n_outputs=n_outputs, output=output)
    dense, rng = densely(network), np.random.default_rng(3)
    targets = np.eye(3)[rng.integers(0, 3, 7)] if n_outputs == 3 else rng.integers(0, 2, (7, 1)).astype(float)
    weights = rng.random((7, 1))
    np.testing.assert_allclose(network.predict(rows), dense.predict(rows.dense()), rtol=1e-12)

    records, dense_records = network.new_records(7), dense.new_records(7)
    network.forward(rows, records, rng)
    network.backward(targets, loss, records, weights)
    dense.forward(rows.dense(), dense_records, rng)
    dense.backward(targets, loss, dense_records, weights)
    first = records[0]
    expected = dense.layers[0].weight_gradients.swapaxes(0, 1).reshape(N_INPUTS, -1)
    np.testing.assert_allclose(first.weight_gradients, expected[first.touched], rtol=1e-9, atol=1e-12)
    untouched = np.setdiff1d(np.arange(N_INPUTS), first.touched)
    assert len(untouched)
    assert not expected[untouched].any()
    np.testing.assert_allclose(first.bias_gradients, dense.layers[0].bias_gradients.ravel(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        network.layers[0].weight_gradients, dense.layers[1].weight_gradients, rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(network.layers[0].bias_gradients, dense.layers[1].bias_gradients, rtol=1e-9, atol=1e-12)


def test_gradients_equal_central_differences() -> None:
    """(L(w + h) - L(w - h)) / 2h for each touched weight and each bias."""
    rows, network = made_rows(5), made_network()
    targets = np.eye(N_CLASSES)[[0, 1, 2, 1, 0]]

    def loss() -> float:
        sums = network.sums(rows)
        outputs = np.empty_like(sums)
        network.layers[-1].activation.apply(sums, outputs)
        return float(MULTICLASS_LOG_LOSS.value(sums, outputs, targets).sum())

    def quotient(array: np.ndarray, place: tuple[int, ...]) -> float:
        h, before = 1e-6, array[place]
        array[place] = before + h
        above = loss()
        array[place] = before - h
        below = loss()
        array[place] = before
        return (above - below) / (2 * h)

    records = network.new_records(5)
    network.forward(rows, records, np.random.default_rng(0))
    network.backward(targets, MULTICLASS_LOG_LOSS, records, 1.0)
    record, first = records[0], network.first
    numeric = [[quotient(first.weights, (i, j)) for j in range(N_MEMBERS * N_UNITS)] for i in record.touched]
    np.testing.assert_allclose(record.weight_gradients, numeric, rtol=1e-5, atol=1e-7)
    of_biases = [quotient(first.biases, (j,)) for j in range(N_MEMBERS * N_UNITS)]
    np.testing.assert_allclose(record.bias_gradients, of_biases, rtol=1e-5, atol=1e-7)


def test_only_touched_inputs_move_by_the_steps_of_adagrad() -> None:
    """Three steps, against the rule written for one weight at a time."""
    network, targets = made_network(), np.eye(N_CLASSES)[[0, 1, 2, 0]]
    expected, squares = network.first.weights.copy(), np.zeros(N_INPUTS)
    biases, square_of_biases = network.first.biases.copy(), 0.0
    for seed in range(3):
        rows, records = made_rows(4, seed=seed), network.new_records(4)
        network.forward(rows, records, np.random.default_rng(0))
        network.backward(targets, MULTICLASS_LOG_LOSS, records, 1.0)
        gradients, of_biases = records[0].weight_gradients.copy(), records[0].bias_gradients.copy()
        network.finish_step(records, 0.01)
        for row, i in enumerate(sorted(set(rows.columns.tolist()))):
            squares[i] += np.mean(gradients[row] ** 2)
            expected[i] -= RATE_FACTOR * 0.01 * gradients[row] / np.sqrt(squares[i])
        square_of_biases += np.mean(of_biases**2)
        biases -= RATE_FACTOR * 0.01 * of_biases / np.sqrt(square_of_biases)
    np.testing.assert_allclose(network.first.weights, expected, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(network.first.biases, biases, rtol=1e-5, atol=1e-9)


def test_a_row_has_the_same_bits_alone_and_in_a_batch() -> None:
    """For wide rows too, and wherever the row stands."""
    rng = np.random.default_rng(0)
    rows = sparse(
        [
            (np.sort(rng.choice(2_000, n, replace=False)), rng.random(n).astype(np.float32))
            for n in (0, 3, 120, 700, 40)
        ],
        2_000,
    )
    network = SparseNetwork((2_000, 64, 20), n_members=3, rng=rng)
    together = network.sums(rows)
    for i in range(len(rows)):
        assert network.sums(rows[i : i + 1])[:, 0].tobytes() == together[:, i].tobytes()
    turned = network.sums(rows[np.array([4, 2, 0, 1, 3])])
    assert turned[:, 1].tobytes() == together[:, 2].tobytes()


def test_dropout_leaves_out_units_and_entries_and_keeps_the_expectation() -> None:
    """The mean of many thinned passes is the whole pass; a dropped unit passes no gradient on."""
    rng = np.random.default_rng(0)
    weights = rng.random((N_INPUTS, 8)) + 0.1  # all sums positive, so that relu is linear
    layer = SparseLayer(weights, np.zeros(8), n_members=2, dropout=0.25, input_dropout=0.2)
    rows = SparseRows(np.array([0, 3]), np.array([1, 4, 9]), np.ones(3), N_INPUTS)
    record, total = layer.new_record(1), np.zeros((2, 1, 4))
    for _ in range(4_000):
        total += layer.forward(rows, record, rng)
    np.testing.assert_allclose(total / 4_000, layer.predict(rows), rtol=0.05)

    record.grads[...] = 1
    layer.backward(record)
    off = record.outputs[0] == 0
    assert isinstance(record.dropout, Dropout)
    assert not record.weight_gradients[:, off].any()


def test_training_learns_from_few_entries_and_restores_the_best_epoch() -> None:
    """Each class has inputs of its own; early stopping puts the first layer back too."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, N_CLASSES, 400)
    rows = sparse(
        [(np.sort(c * 10 + rng.choice(10, 3, replace=False)), np.ones(3, np.float32)) for c in classes], N_INPUTS
    )
    targets = np.eye(N_CLASSES, dtype=np.float32)[classes]
    network = SparseNetwork((N_INPUTS, 16, N_CLASSES), n_members=2, dropout=0.2, input_dropout=0.2, rng=rng)
    training = Training(network, loss=MULTICLASS_LOG_LOSS, optimizer=Adam(), learning_rate=1e-3, batch_size=64, rng=rng)
    stopping = EarlyStopping(network, patience=3)
    training.epochs(
        Rows(rows[:300], targets[:300]), n_epochs=8, validation=Rows(rows[300:], targets[300:]), callbacks=[stopping]
    )
    assert (network.predict(rows[300:]).argmax(axis=1) == classes[300:]).mean() == 1.0

    best = network.copy()
    stopping = EarlyStopping(network, patience=3, start_loss=0.0)
    training.epochs(Rows(rows[:300], targets[:300]), n_epochs=1, callbacks=[stopping])
    assert not np.array_equal(network.first.weights, best.first.weights)
    stopping.restore()
    for array, kept in zip(network.arrays, best.arrays, strict=True):
        np.testing.assert_array_equal(array, kept)


def test_a_stored_network_answers_as_before_within_the_rounding_of_its_first_weights() -> None:
    """They are stored in 16 bits."""
    rows, network = made_rows(6, dtype=np.float32), made_network(dtype=np.float32)
    again = pickle.loads(pickle.dumps(network))  # noqa: S301
    np.testing.assert_allclose(again.sums(rows), network.sums(rows), atol=0.01)
    assert again.first.weights.dtype == np.float32
    state = {**network.__getstate__(), "first_biases": np.zeros(5, np.float32)}
    with pytest.raises(ValueError, match="first_biases must be 12 numbers, not 5"):
        SparseNetwork.__new__(SparseNetwork).__setstate__(state)


def test_rows_beside_dense_ones() -> None:
    """Each row is followed by its dense one, also where it has no entries of its own."""
    rows = SparseRows(np.array([0, 2, 2, 3]), np.array([1, 4, 0]), np.array([0.5, -1, 2], np.float32), 5)
    dense = np.arange(6, dtype=np.float32).reshape(3, 2)
    both = rows.beside(dense)
    np.testing.assert_array_equal(both.dense(), np.hstack([rows.dense(), dense]))
    np.testing.assert_array_equal(both[1].dense(), np.hstack([rows.dense(), dense])[1:2])
    assert both.shape == (3, 7)
    assert rows[:0].beside(dense[:0]).shape == (0, 7)
