"""Layers: forward, and under it backward, for whole batches.

Several networks of one shape, the members of an ensemble, can be held at once: weights, biases, sums and outputs then
have a leading axis of members, and one batched product moves all of them. A single network has one member; read its
arrays without that axis and the formulas are the article's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.nn.activations import ACTIVATIONS
from models.nn.arrays import Array


@dataclass
class Record:
    """What a layer remembers of one forward pass; allocated once for a batch size and filled anew at each step.

    `outputs`, `sums` and `grads` have the shape (n_members, n_rows, n_outputs). `outputs` are what the next layer sees,
    after dropout; `activated` what the activation gave; `ones` has the shape (1, n_rows). Arrays that need not differ
    are the same array.
    """

    inputs: Array
    sums: Array
    activated: Array
    outputs: Array
    grads: Array
    mask: Array | None
    ones: Array


class Dense:
    """A fully connected layer: outputs = activation(inputs @ weights + biases), then dropout while training.

    Parameters
    ----------
    n_inputs, n_outputs : width of the layer before and of this one.
    activation : a name in ACTIVATIONS.
    dropout : probability with which an output is set to 0 while training; the others are scaled up by
        1 / (1 - dropout), so that nothing changes on average (Srivastava et al. 2014).
    keeps_sums : training needs the weighted sums after the activation (the loss of the last layer reads them).

    Attributes
    ----------
    weights : (n_members, n_inputs, n_outputs) and `biases` (n_members, 1, n_outputs), views into the network's
        parameters.
    weight_gradients, bias_gradients : the same for the network's gradients.
    """

    weights: Array
    biases: Array
    weight_gradients: Array
    bias_gradients: Array

    def __init__(
        self, n_inputs: int, n_outputs: int, *, activation: str, dropout: float = 0.0, keeps_sums: bool = False
    ) -> None:
        self.n_inputs, self.n_outputs = n_inputs, n_outputs
        self.activation = ACTIVATIONS[activation]
        self.dropout = dropout
        self.keeps_sums = keeps_sums or self.activation.keeps_sums

    def weight_scale(self) -> float:
        """Standard deviation of the first weights: keeps the size of the sums from layer to layer.

        sqrt(2 / n_inputs) where half the units are off (He et al. 2015), sqrt(2 / (n_inputs + n_outputs)) elsewhere
        (Glorot and Bengio 2010).
        """
        half_off = self.activation.name in ("relu", "silu")
        return float(np.sqrt(2 / (self.n_inputs if half_off else self.n_inputs + self.n_outputs)))

    def sums(self, inputs: Array, out: Array | None = None) -> Array:
        """The weighted sums z = x W + b, shape (n_members, n_rows, n_outputs)."""
        sums: Array = np.matmul(inputs, self.weights, out=out)
        sums += self.biases
        return sums

    def predicted_sums(self, inputs: Array) -> Array:
        """The weighted sums as `sums` has them, but added up in one order whatever the number of rows.

        A matrix product over many inputs is cut into pieces, and where it is cut depends on how many rows there are.
        Cutting it at fixed places gives a row the same bits alone and among others (see `Network.sums`).
        """
        widest = 256
        if self.n_inputs <= widest:
            return self.sums(inputs)
        sums: Array = np.matmul(inputs[..., :widest], self.weights[:, :widest])
        for start in range(widest, self.n_inputs, widest):
            piece = slice(start, start + widest)
            sums += np.matmul(inputs[..., piece], self.weights[:, piece])
        sums += self.biases
        return sums

    def predict(self, inputs: Array) -> Array:
        """The outputs of shape (n_members, n_rows, n_outputs), without dropout; touches no state."""
        outputs = self.predicted_sums(inputs)
        self.activation.apply(outputs, outputs)
        return outputs

    def forward(self, inputs: Array, record: Record, rng: np.random.Generator) -> Array:
        """The outputs while training, kept in `record` together with what `backward` needs."""
        record.inputs = inputs
        self.sums(inputs, out=record.sums)
        self.activation.apply(record.sums, record.activated)
        if record.mask is not None:
            self._draw_mask(record.mask, rng)
            np.multiply(record.activated, record.mask, out=record.outputs)
        return record.outputs

    def _draw_mask(self, mask: Array, rng: np.random.Generator) -> None:
        """Fill the mask with 0 for a dropped unit and 1 / (1 - dropout) for one that stays.

        A byte of randomness decides over a unit, which costs a fraction of a random float; so the probability used is
        the nearest 256th of the one asked for, and the scale is that of the probability used.
        """
        n_dropped = min(round(256 * self.dropout), 255)
        words = rng.integers(0, 2**64, mask.size // 8 + 1, dtype=np.uint64)
        chances = words.view(np.uint8)[: mask.size].reshape(mask.shape)
        np.multiply(chances >= n_dropped, mask.dtype.type(256 / (256 - n_dropped)), out=mask)

    def backward(self, record: Record, grad_inputs: Array | None) -> None:
        """Turn dL/d(outputs), found in `record.grads`, into this layer's own gradients and those of its inputs.

        Parameters
        ----------
        record : of the forward pass of the same batch. Its `grads` hold dL/d(outputs), the 1/n_rows already in it.
        grad_inputs : array to receive dL/d(inputs), None for the first layer.
        """
        if record.mask is not None:
            record.grads *= record.mask
        self.activation.pull_back(record.grads, record.activated, record.sums)
        self.backward_from_sums(record, grad_inputs)

    def backward_from_sums(self, record: Record, grad_inputs: Array | None) -> None:
        """The linear half of `backward`: `record.grads` already hold dL/d(sums).

        z = x W + b gives dL/dW = x' dL/dz, dL/db = 1' dL/dz (the sum over the rows), dL/dx = dL/dz W'.
        """
        np.matmul(record.inputs.swapaxes(-1, -2), record.grads, out=self.weight_gradients)
        np.matmul(record.ones, record.grads, out=self.bias_gradients)
        if grad_inputs is not None:
            np.matmul(record.grads, self.weights.swapaxes(-1, -2), out=grad_inputs)

    def new_record(self, n_members: int, n_rows: int, dtype: np.dtype[Any]) -> Record:
        """Buffers for batches of `n_rows`."""

        def buffer() -> Array:
            return np.empty((n_members, n_rows, self.n_outputs), dtype)

        sums = buffer()
        activated = buffer() if self.keeps_sums else sums
        outputs, mask = (buffer(), buffer()) if self.dropout else (activated, None)
        return Record(
            inputs=sums,
            sums=sums,
            activated=activated,
            outputs=outputs,
            grads=buffer(),
            mask=mask,
            ones=np.ones((1, n_rows), dtype),
        )
