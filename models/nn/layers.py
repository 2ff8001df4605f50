"""Layers: forward, and under it backward, for whole batches.

All arrays have a leading axis of ensemble members, so that one batched product computes all networks of a shape at
once. A single network has one member; without that axis the formulas are the article's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from models.nn.activations import ACTIVATIONS
from models.nn.arrays import Array
from models.nn.dropout import Dropout
from models.nn.steady_products import steady_product

LayerKernel: TypeAlias = Callable[[Array, Array, Array, Dropout | None, np.random.Generator], None]
"""A compiled loop for everything after a layer's product: (sums, biases, outputs, dropout, rng) -> None. It adds the
biases, writes the outputs after dropout, and overwrites the sums with the derivative of the outputs by them."""


@dataclass
class Record:
    """What a layer keeps of a forward pass for the backward pass; allocated once per batch size, refilled at each step.

    `outputs`, `sums` and `grads` have the shape (n_members, n_rows, n_outputs). `outputs` are what the next layer sees,
    after dropout; `activated` is the output of the activation; `ones` has the shape (1, n_rows). Arrays that need not
    differ share memory. A compiled `kernel` needs no `mask`: `sums` then hold the derivative of the outputs by them,
    dropout included.
    """

    inputs: Array
    sums: Array
    activated: Array
    outputs: Array
    grads: Array
    ones: Array
    dropout: Dropout | None
    mask: Array | None
    kernel: LayerKernel | None


class Dense:
    """A fully connected layer: outputs = activation(inputs @ weights + biases), then dropout while training.

    Parameters
    ----------
    n_inputs, n_outputs : width of the layer before and of this one.
    activation : a name in ACTIVATIONS.
    dropout : probability with which an output is set to 0 while training, see `nn.dropout`.
    keeps_sums : training needs the weighted sums after the activation (the loss of the last layer reads them).

    Attributes
    ----------
    weights : (n_members, n_inputs, n_outputs) and `biases` (n_members, 1, n_outputs), views into the network's
        parameters.
    weight_gradients, bias_gradients : likewise views of the network's gradients.
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
        """Standard deviation of the initial weights; it keeps the variance of the sums constant from layer to layer.

        sqrt(2 / n_inputs) where half the units are inactive (He et al. 2015), sqrt(2 / (n_inputs + n_outputs))
        elsewhere (Glorot and Bengio 2010).
        """
        half_off = self.activation.name in ("relu", "silu", "monotone")
        return float(np.sqrt(2 / (self.n_inputs if half_off else self.n_inputs + self.n_outputs)))

    def sums(self, inputs: Array) -> Array:
        """The weighted sums z = x W + b, shape (n_members, n_rows, n_outputs)."""
        sums: Array = np.matmul(inputs, self.weights)
        sums += self.biases
        return sums

    def predicted_sums(self, inputs: Array) -> Array:
        """The weighted sums, added up in an order that does not depend on the number of rows.

        BLAS splits long sums into blocks whose size depends on the number of rows. Fixed blocks give a row the same
        bits alone and in a batch (see `Network.sums`).
        """
        widest = 256
        sums = steady_product(inputs[..., :widest], self.weights[:, :widest])
        for start in range(widest, self.n_inputs, widest):
            piece = slice(start, start + widest)
            sums += steady_product(inputs[..., piece], self.weights[:, piece])
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
        product(inputs, self.weights, out=record.sums)
        if record.kernel is not None:
            record.kernel(record.sums, self.biases, record.outputs, record.dropout, rng)
            return record.outputs
        record.sums += self.biases
        self.activation.apply(record.sums, record.activated)
        if record.dropout is not None and record.mask is not None:
            record.dropout.draw(rng, record.mask)
            np.multiply(record.activated, record.mask, out=record.outputs)
        return record.outputs

    def backward(self, record: Record, grad_inputs: Array | None) -> None:
        """Turn dL/d(outputs), found in `record.grads`, into this layer's own gradients and those of its inputs.

        Parameters
        ----------
        record : of the forward pass of the same batch. Its `grads` hold dL/d(outputs), the 1/n_rows already in it.
        grad_inputs : array to receive dL/d(inputs), None for the first layer.
        """
        if record.kernel is not None:
            record.grads *= record.sums
        else:
            if record.mask is not None:
                record.grads *= record.mask
            self.activation.pull_back(record.grads, record.activated, record.sums)
        self.backward_from_sums(record, grad_inputs)

    def backward_from_sums(self, record: Record, grad_inputs: Array | None) -> None:
        """The linear half of `backward`: `record.grads` already hold dL/d(sums).

        z = x W + b gives dL/dW = x' dL/dz, dL/db = 1' dL/dz (the sum over the rows), dL/dx = dL/dz W'.
        """
        product(record.inputs.swapaxes(-1, -2), record.grads, out=self.weight_gradients)
        product(record.ones, record.grads, out=self.bias_gradients)
        if grad_inputs is not None:
            product(record.grads, self.weights.swapaxes(-1, -2), out=grad_inputs)

    def new_record(
        self, n_rows: int, dtype: np.dtype[Any], kernel: LayerKernel | None = None, *, drops: bool = True
    ) -> Record:
        """Buffers for batches of `n_rows`.

        Parameters
        ----------
        kernel : compiled loop for everything after the product; None for numpy.
        drops : False disables dropout.
        """
        dropout = self.dropout if drops else 0.0
        shape = (len(self.weights), n_rows, self.n_outputs)

        def buffer() -> Array:
            return np.empty(shape, dtype)

        sums = buffer()
        activated = buffer() if self.keeps_sums or kernel else sums
        # The backward pass needs the mask, and the activations from before it
        outputs, mask = (buffer(), buffer()) if dropout and not kernel else (activated, None)
        return Record(
            inputs=sums,
            sums=sums,
            activated=activated,
            outputs=outputs,
            grads=buffer(),
            ones=np.ones((1, n_rows), dtype),
            dropout=Dropout(dropout, shape) if dropout else None,
            mask=mask,
            kernel=kernel,
        )


def product(left: Array, right: Array, out: Array) -> None:
    """Write left @ right of every member into `out`; `left` may be one matrix shared by all."""
    if len(out) == 1:
        np.dot(left if left.ndim == 2 else left[0], right[0], out=out[0])  # np.matmul has a higher overhead per call
    elif left.shape[-1] == 1:
        np.multiply(left, right, out=out)  # an outer product, for which np.matmul is slow
    else:
        np.matmul(left, right, out=out)
