"""A first layer for sparse rows: forward, backward, and the step of the inputs that a batch touched.

A batch touches few of the inputs. Their weights are gathered, and both passes are those of a dense layer over the
touched inputs alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.nn.arrays import Array
from models.nn.dropout import Dropout
from models.nn.sparse_rows import SparseRows

RATE_FACTOR = 60.0
"""The rate of these weights as a multiple of the network's: a step of Adagrad shrinks as an input is met again."""
TINY = 1e-20


@dataclass
class SparseRecord:
    """What the layer keeps of a forward pass for the backward pass.

    Parameters
    ----------
    grads : (n_members, n_rows, n_units), to receive dL/d(outputs).
    mask : (n_rows, n_members * n_units) of the units, 0 for dropped ones; None without dropout.

    Attributes
    ----------
    touched : the inputs that some row of the batch has, (n_touched,).
    inputs : their values, (n_rows, n_touched).
    weights, weight_gradients : of the touched inputs, (n_touched, n_members * n_units).
    bias_gradients : (n_members * n_units,).
    outputs : (n_rows, n_members * n_units).
    """

    grads: Array
    dropout: Dropout | None
    mask: Array | None
    touched: npt.NDArray[np.intp]
    inputs: Array
    weights: Array
    weight_gradients: Array
    outputs: Array
    bias_gradients: Array


class SparseLayer:
    """relu(x W + b) of all members at once for sparse rows x, then dropout while training.

    Parameters
    ----------
    weights : (n_inputs, n_members * n_units); the weights of an input lie side by side, those of all members.
    biases : (n_members * n_units,).
    n_members : how many networks read this layer, each its own units.
    dropout, input_dropout : probability of dropping a unit, or an entry of a row, while training.
    """

    def __init__(
        self, weights: Array, biases: Array, *, n_members: int, dropout: float = 0.0, input_dropout: float = 0.0
    ) -> None:
        self.weights, self.biases, self.n_members = weights, biases, n_members
        self.dropout, self.input_dropout = dropout, input_dropout
        self._squares: Array = np.zeros(len(weights) + 1, np.float32)  # those of the biases are the last

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""
        return len(self.weights)

    @property
    def n_units(self) -> int:
        """Number of units of a member."""
        return len(self.biases) // self.n_members

    def predict(self, rows: SparseRows) -> Array:
        """The outputs of shape (n_members, n_rows, n_units), without dropout; touches no state.

        Each row has a product of its own, so that it has the same bits alone and in a batch.
        """
        outputs = np.empty((len(rows), len(self.biases)), self.weights.dtype)
        for i in range(len(rows)):
            columns, values = rows.row(i)
            np.dot(values, self.weights[columns], out=outputs[i])
        outputs += self.biases
        outputs.clip(0, np.inf, outputs)
        return self._by_member(outputs)

    def forward(self, rows: SparseRows, record: SparseRecord, rng: np.random.Generator) -> Array:
        """The outputs while training, (n_members, n_rows, n_units), kept in `record` with what `backward` needs."""
        kept = rows.values
        if self.input_dropout:
            stays = rng.random(len(kept), np.float32) >= self.input_dropout
            kept = kept * stays * kept.dtype.type(1 / (1 - self.input_dropout))
        record.touched, places = np.unique(rows.columns, return_inverse=True)
        record.inputs = SparseRows(rows.starts, places, kept, len(record.touched)).dense()
        record.weights = self.weights[record.touched]
        outputs: Array = record.inputs @ record.weights
        outputs += self.biases
        outputs.clip(0, np.inf, outputs)
        if record.dropout is not None and record.mask is not None:
            record.dropout.draw(rng, record.mask[None])
            outputs *= record.mask
        record.outputs = outputs
        return self._by_member(outputs)

    def backward(self, record: SparseRecord) -> None:
        """Turn dL/d(outputs), found in `record.grads`, into the gradients of the touched weights and the biases.

        z = x W + b gives dL/dW = x' dL/dz; the rows of W whose inputs are 0 in the whole batch have no gradient.
        """
        grads = np.ascontiguousarray(record.grads.swapaxes(0, 1)).reshape(record.outputs.shape)
        grads *= record.outputs > 0
        if record.mask is not None:
            grads *= record.mask
        record.weight_gradients = record.inputs.T @ grads
        record.bias_gradients = grads.sum(axis=0)

    def step(self, record: SparseRecord, learning_rate: float) -> None:
        """Move the touched weights, and the biases, against their gradients.

        Adagrad (Duchi, Hazan and Singer 2011) with one sum of squares for all weights of an input: their mean.
        """
        rate, gradients, squares = RATE_FACTOR * learning_rate, record.weight_gradients, self._squares
        squares[record.touched] += np.einsum("ij,ij->i", gradients, gradients) / gradients.shape[1]
        gradients *= (rate / np.sqrt(squares[record.touched] + TINY)).astype(gradients.dtype)[:, None]
        record.weights -= gradients
        self.weights[record.touched] = record.weights
        squares[-1] += np.square(record.bias_gradients).mean()
        self.biases -= rate / np.sqrt(squares[-1] + TINY) * record.bias_gradients

    def new_record(self, n_rows: int) -> SparseRecord:
        """Buffers for batches of `n_rows`."""
        wide, dtype = (n_rows, len(self.biases)), self.weights.dtype
        none = np.empty((0, 0), dtype)
        return SparseRecord(
            grads=np.empty((self.n_members, n_rows, self.n_units), dtype),
            dropout=Dropout(self.dropout, (1, *wide)) if self.dropout else None,
            mask=np.empty(wide, dtype) if self.dropout else None,
            touched=np.empty(0, np.intp),
            inputs=none,
            weights=none,
            weight_gradients=none,
            outputs=none,
            bias_gradients=none,
        )

    def _by_member(self, outputs: Array) -> Array:
        """(n_rows, n_members * n_units) as (n_members, n_rows, n_units)."""
        split = outputs.reshape(len(outputs), self.n_members, self.n_units)
        return np.ascontiguousarray(split.swapaxes(0, 1))
