"""The network: layers over one flat vector of parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from models.nn.arrays import Array
from models.nn.layers import Dense, LayerKernel
from models.nn.losses import Loss
from models.nn.monotone import put_within_bounds, start_within_bounds
from models.nn.network_shape import NetworkShape
from models.nn.steady_products import rows_per_tile


class Network:
    """Dense layers, forward and backward, for one network or for the members of an ensemble at once.

    Parameters
    ----------
    widths : number of inputs, of each hidden layer's units and of outputs, e.g. (23, 128, 64, 1).
    hidden_activation, output_activation : names in ACTIVATIONS.
    n_members : number of networks of this shape that are trained together; they differ in their initial weights and
        dropout. The ensemble's prediction averages the weighted sums of the last layer.
    dropout : probability of dropping a hidden unit while training, 0 <= dropout < 1.
    directions : for each input 1 if the outputs may only rise with it, -1 if they may only fall, else 0; see
        `monotone`. None for no constraints; otherwise `hidden_activation` must be "monotone".
    rng : draws the initial weights.
    dtype : float32 to train, float64 to check gradients.

    Attributes
    ----------
    parameters, gradients : flat vectors; the layers' arrays are views into them. All weights come first, then all
        biases.
    n_weights : how many of the parameters are weights.
    layers : first to last.
    directions : of the inputs, shape (n_inputs,), or None.
    """

    stored_as: ClassVar[str] = "network"
    stored_fields: ClassVar[Mapping[str, str]] = {
        "widths": "int[]",
        "hidden_activation": "text",
        "output_activation": "text",
        "n_members": "int",
        "dropout": "float",
        "directions": "int[]?",
        "parameters": "float32[parameters]",
    }

    def __init__(
        self,
        widths: Sequence[int],
        *,
        hidden_activation: str = "relu",
        output_activation: str = "sigmoid",
        n_members: int = 1,
        dropout: float = 0.0,
        directions: Sequence[int] | None = None,
        rng: np.random.Generator,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        shape = NetworkShape(
            widths=[int(width) for width in widths],
            hidden_activation=hidden_activation,
            output_activation=output_activation,
            n_members=int(n_members),
            dropout=float(dropout),
            directions=None if directions is None else [int(direction) for direction in directions],
        )
        self._build(shape, np.zeros(shape.n_parameters, dtype))
        for layer in self.layers:
            layer.weights[...] = rng.standard_normal(layer.weights.shape) * layer.weight_scale()
        if self.directions is not None:
            if hidden_activation != "monotone":
                raise ValueError(f"directions need hidden_activation='monotone', got {hidden_activation!r}")
            start_within_bounds(self.layers, self.directions)

    def _build(self, shape: NetworkShape, parameters: Array) -> None:
        """Create the layers as views of the parameters, and of gradients of zero."""
        self._shape, self.n_members, self._rows_at_once = shape, shape.n_members, shape.rows_at_once
        self.directions = None if shape.directions is None else np.array(shape.directions, parameters.dtype)
        self.layers = [
            Dense(n_inputs, n_units, activation=shape.hidden_activation, dropout=shape.dropout)
            for n_inputs, n_units in pairwise(shape.widths[:-1])
        ]
        self.layers.append(Dense(*shape.widths[-2:], activation=shape.output_activation, keeps_sums=True))
        self.parameters = parameters
        self.gradients: Array = np.zeros_like(parameters)
        # All weights come before all biases, so that weight decay is one operation on a slice
        arrays, gradients = _views(self.parameters, shape), _views(self.gradients, shape)
        n_layers = len(self.layers)
        self.n_weights = sum(weights.size for weights in arrays[:n_layers])
        for i, layer in enumerate(self.layers):
            layer.weights, layer.biases = arrays[i], arrays[n_layers + i]
            layer.weight_gradients, layer.bias_gradients = gradients[i], gradients[n_layers + i]

    @classmethod
    def _of_shape(cls, shape: NetworkShape, parameters: Array) -> Network:
        """A network over these parameters, without drawing weights."""
        network = cls.__new__(cls)
        network._build(shape, parameters)
        return network

    @classmethod
    def joined(
        cls, networks: Sequence[Network], *, first_weights: Sequence[Array], directions: Sequence[int] | None
    ) -> Network:
        """One network with the members of all these networks.

        Parameters
        ----------
        networks : of one shape, except for their numbers of inputs and members.
        first_weights : for each network the first weights to use instead of its own, (n_members, n_inputs, n_outputs),
            on the same inputs for all.
        directions : of these inputs.
        """
        first = networks[0]
        shape = replace(
            first._shape,
            widths=[first_weights[0].shape[1], *first._shape.widths[1:]],
            n_members=sum(network.n_members for network in networks),
            directions=directions,
        )
        whole = cls._of_shape(shape, np.zeros(shape.n_parameters, first.parameters.dtype))
        for i, layer in enumerate(whole.layers):
            weights = [network.layers[i].weights for network in networks] if i else first_weights
            np.concatenate(weights, out=layer.weights)
            np.concatenate([network.layers[i].biases for network in networks], out=layer.biases)
        return whole

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""
        return self.layers[0].n_inputs

    @property
    def hidden_widths(self) -> list[int]:
        """Number of units of each hidden layer, first to last."""
        return [layer.n_outputs for layer in self.layers[:-1]]

    @property
    def arrays(self) -> tuple[Array, ...]:
        """All that training moves."""
        return (self.parameters,)

    def forward(self, inputs: Any, records: Sequence[Any], rng: np.random.Generator) -> Array:
        """Forward pass of a batch, with dropout; fills `records` for the backward pass.

        Parameters
        ----------
        inputs : (n_rows, n_inputs), the same batch for all members, or (n_members, n_rows, n_inputs).

        Returns
        -------
        ndarray of shape (n_members, n_rows, n_outputs)
        """
        outputs: Array = inputs
        for layer, record in zip(self.layers, records, strict=True):
            outputs = layer.forward(outputs, record, rng)
        return outputs

    def backward(
        self,
        targets: Array,
        loss: Loss,
        records: Sequence[Any],
        row_weights: Array | float,
        grad_inputs: Array | None = None,
    ) -> None:
        """Backward pass of the last `forward` batch: the gradients of its loss, from the last layer to the first.

        Parameters
        ----------
        targets : (n_rows, n_outputs).
        row_weights : the weight of each row in the batch loss, shape (n_rows, 1) or one number: 1/n_rows for the mean,
            1 for the sum.
        grad_inputs : array to receive dL/d(inputs), (n_members, n_rows, n_inputs); None where nothing reads it.
        """
        last, record = self.layers[-1], records[-1]
        in_short_form = loss.natural_activation == last.activation.name
        if in_short_form:
            loss.gradient_at_sums(record.outputs, targets, record.grads)
        else:
            record.grads[...] = loss.gradient(record.outputs, targets)
        record.grads *= row_weights
        for i in reversed(range(len(self.layers))):
            grads_before = records[i - 1].grads if i else grad_inputs
            if i == len(self.layers) - 1 and in_short_form:
                last.backward_from_sums(record, grads_before)
            else:
                self.layers[i].backward(records[i], grads_before)

    def finish_step(self, records: Sequence[Any], learning_rate: float) -> None:
        """After a step of the optimizer: project the weights to the bounds of the inputs' directions."""
        if self.directions is not None:
            put_within_bounds(self.layers, self.directions)

    def sums(self, inputs: Any) -> Array:
        """The last layer's weighted sums of every member, (n_members, n_rows, n_outputs); touches no state.

        A row has the same sums, bit for bit, alone and in a batch, see `steady_products`; for that, rows are padded
        with zeros to whole tiles.
        """
        n_rows = inputs.shape[-2]
        if n_filled := -n_rows % rows_per_tile():
            filled = np.zeros((*inputs.shape[:-2], n_rows + n_filled, inputs.shape[-1]), inputs.dtype)
            filled[..., :n_rows, :] = inputs
            inputs = filled
        for layer in self.layers[:-1]:
            inputs = layer.predict(inputs)
        sums = self.layers[-1].predicted_sums(inputs)
        return sums[:, :n_rows] if n_filled else sums

    def mean_sums(self, inputs: Any) -> Array:
        """The ensemble's sums: the mean of the members' last weighted sums, (n_rows, n_outputs).

        For a sigmoid these are the log-odds of the prediction, for a softmax its log-probabilities up to a constant.
        Many rows are computed in pieces whose sums stay in the L2 cache from layer to layer.
        """
        if len(inputs) > self._rows_at_once:
            pieces = range(0, len(inputs), self._rows_at_once)
            return np.concatenate([self.mean_sums(inputs[start : start + self._rows_at_once]) for start in pieces])
        return self.vote(self.sums(inputs))

    def vote(self, sums: Array) -> Array:
        """The average of the members' last weighted sums, (n_members, n_rows, n_outputs), over the members."""
        if self.n_members == 1:
            only: Array = sums[0]
            return only
        # One member after the other: np.sum adds eight and more in an order that depends on the number of rows
        mean: Array = np.add.accumulate(sums, axis=0)[-1]
        mean *= 1 / self.n_members
        return mean

    def predict(self, inputs: Any) -> Array:
        """The prediction: the output activation of `mean_sums`, (n_rows, n_outputs)."""
        outputs = self.mean_sums(inputs)
        self.layers[-1].activation.apply(outputs, outputs)
        return outputs

    def new_records(self, n_rows: int, layer_kernel: Callable[[str], LayerKernel | None] | None = None) -> list[Any]:
        """Buffers of all layers for batches of `n_rows`.

        Parameters
        ----------
        layer_kernel : name of a hidden activation -> its compiled loop, None where there is none.
        """
        kernels = [layer_kernel(layer.activation.name) if layer_kernel else None for layer in self.layers[:-1]]
        dtype = self.parameters.dtype
        return [
            layer.new_record(n_rows, dtype, kernel) for layer, kernel in zip(self.layers, [*kernels, None], strict=True)
        ]

    def copy(self, dtype: npt.DTypeLike | None = None) -> Network:
        """A copy with its own parameters, optionally of another dtype."""
        return Network._of_shape(self._shape, np.array(self.parameters, dtype))

    def member(self, number: int) -> Network:
        """A network of one member, with its own parameters."""
        shape = replace(self._shape, n_members=1)
        alone = Network._of_shape(shape, np.zeros(shape.n_parameters, self.parameters.dtype))
        for layer, of_all in zip(alone.layers, self.layers, strict=True):
            layer.weights[...] = of_all.weights[number]
            layer.biases[...] = of_all.biases[number]
        return alone

    def weight_number(self, layer: int, row: int, column: int, member: int = 0) -> int:
        """Position of a layer's weight in `parameters`."""
        before = sum(one.weights.size for one in self.layers[:layer])
        return before + int(np.ravel_multi_index((member, row, column), self.layers[layer].weights.shape))

    def bias_number(self, layer: int, column: int, member: int = 0) -> int:
        """Position of a layer's bias in `parameters`."""
        before = self.n_weights + sum(one.biases.size for one in self.layers[:layer])
        return before + int(np.ravel_multi_index((member, 0, column), self.layers[layer].biases.shape))

    def __getstate__(self) -> dict[str, Any]:
        """The shape and the parameters; everything else is derived."""
        return {**asdict(self._shape), "parameters": self.parameters}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore over the given parameters without a copy; they may be read-only, see `copy`."""
        shape = NetworkShape(**{name: value for name, value in state.items() if name != "parameters"})
        shape.check(len(state["parameters"]))
        self._build(shape, state["parameters"])


def _views(flat: Array, shape: NetworkShape) -> list[Array]:
    """The arrays of all weights, then of all biases, as views of a flat vector."""
    shapes = shape.array_shapes
    sizes = [math.prod(one) for one in shapes]
    starts = np.cumsum([0, *sizes])
    return [flat[start : start + size].reshape(one) for start, size, one in zip(starts, sizes, shapes, strict=False)]
