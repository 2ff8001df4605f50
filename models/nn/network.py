"""The network: layers over one flat vector of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from models.nn.arrays import Array
from models.nn.layers import Dense, Record
from models.nn.losses import Loss


class Network:
    """Dense layers, forward and backward, for one network or for the members of an ensemble at once.

    Parameters
    ----------
    widths : number of inputs, of each hidden layer's units and of outputs, e.g. (23, 128, 64, 1).
    hidden_activation, output_activation : names in ACTIVATIONS.
    n_members : how many networks of this shape are held and trained together; they differ in their first weights and in
        their dropout. Their joint prediction averages the weighted sums of the last layer.
    dropout : probability of dropping a hidden unit while training, 0 <= dropout < 1.
    rng : draws the first weights.
    dtype : float32 to train, float64 to check gradients.

    Attributes
    ----------
    parameters, gradients : flat vectors; the layers' arrays are views into them. All weights come first, then all
        biases.
    n_weights : how many of the parameters are weights.
    layers : first to last.
    """

    def __init__(
        self,
        widths: Sequence[int],
        *,
        hidden_activation: str = "relu",
        output_activation: str = "sigmoid",
        n_members: int = 1,
        dropout: float = 0.0,
        rng: np.random.Generator,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self._shape: dict[str, Any] = {
            "widths": [int(width) for width in widths],
            "hidden_activation": hidden_activation,
            "output_activation": output_activation,
            "n_members": int(n_members),
            "dropout": float(dropout),
        }
        self._build(np.dtype(dtype))
        for layer in self.layers:
            first_weights = rng.standard_normal(layer.weights.shape)
            layer.weights[...] = first_weights * layer.weight_scale()

    def _build(self, dtype: np.dtype[Any]) -> None:
        """Lay the layers over zeros: one vector for the parameters, one for the gradients."""
        widths, n_members = self._shape["widths"], self._shape["n_members"]
        hidden_activation, dropout = self._shape["hidden_activation"], self._shape["dropout"]
        self.n_members = n_members
        self.layers = [
            Dense(n_inputs, n_units, activation=hidden_activation, dropout=dropout)
            for n_inputs, n_units in pairwise(widths[:-1])
        ]
        self.layers.append(Dense(*widths[-2:], activation=self._shape["output_activation"], keeps_sums=True))
        n_layers = len(self.layers)
        shapes = [(n_members, layer.n_inputs, layer.n_outputs) for layer in self.layers]
        shapes += [(n_members, 1, layer.n_outputs) for layer in self.layers]
        sizes = [int(np.prod(shape)) for shape in shapes]
        self.n_weights = sum(sizes[:n_layers])
        self.parameters: Array = np.zeros(sum(sizes), dtype)
        self.gradients: Array = np.zeros_like(self.parameters)
        starts = np.cumsum([0, *sizes])

        def views(flat: Array) -> list[Array]:
            return [
                flat[start : start + size].reshape(shape)
                for start, size, shape in zip(starts, sizes, shapes, strict=False)
            ]

        parameters, gradients = views(self.parameters), views(self.gradients)
        for i, layer in enumerate(self.layers):
            layer.weights, layer.biases = parameters[i], parameters[n_layers + i]
            layer.weight_gradients, layer.bias_gradients = gradients[i], gradients[n_layers + i]

    def forward(self, inputs: Array, records: Sequence[Record], rng: np.random.Generator) -> Array:
        """One batch from the first layer to the last, with dropout, remembered in `records`.

        Parameters
        ----------
        inputs : (n_rows, n_inputs), the same batch for all members.

        Returns
        -------
        ndarray of shape (n_members, n_rows, n_outputs)
        """
        outputs = inputs
        for layer, record in zip(self.layers, records, strict=True):
            outputs = layer.forward(outputs, record, rng)
        return outputs

    def backward(self, targets: Array, loss: Loss, records: Sequence[Record], row_weights: Array | float) -> None:
        """The gradients of the loss of the batch that `forward` saw last, from the last layer to the first.

        Parameters
        ----------
        targets : (n_rows, n_outputs).
        row_weights : the weight of each row in the batch loss, shape (n_rows, 1) or one number: 1/n_rows for the mean,
            1 for the sum.
        """
        last, record = self.layers[-1], records[-1]
        in_short_form = loss.natural_activation == last.activation.name
        if in_short_form:
            loss.gradient_at_sums(record.outputs, targets, record.grads)
        else:
            record.grads[...] = loss.gradient(record.outputs, targets)
        record.grads *= row_weights
        for i in reversed(range(len(self.layers))):
            grad_inputs = records[i - 1].grads if i else None
            if i == len(self.layers) - 1 and in_short_form:
                last.backward_from_sums(record, grad_inputs)
            else:
                self.layers[i].backward(records[i], grad_inputs)

    def sums(self, inputs: Array) -> Array:
        """The last layer's weighted sums of every member, (n_members, n_rows, n_outputs); touches no state.

        A row has the same sums, to the last bit, alone and among others. One row would be a matrix-vector product,
        which adds in another order than the product of matrices does, so rows are filled up to a multiple of four with
        zeros.
        """
        n_rows = len(inputs)
        if n_filled := -n_rows % 4:
            inputs = np.concatenate([inputs, np.zeros((n_filled, inputs.shape[1]), inputs.dtype)])
        for layer in self.layers[:-1]:
            inputs = layer.predict(inputs)
        return self.layers[-1].predicted_sums(inputs)[:, :n_rows]

    def mean_sums(self, inputs: Array) -> Array:
        """The members' common vote: their last weighted sums averaged, (n_rows, n_outputs).

        For a sigmoid these are the log-odds of the prediction, for a softmax its log-probabilities up to a constant.
        """
        sums = self.sums(inputs)
        mean: Array = np.add.reduce(sums, axis=0)
        mean *= 1 / self.n_members
        return mean

    def predict(self, inputs: Array) -> Array:
        """The output activation of the members' common vote, (n_rows, n_outputs)."""
        outputs = self.mean_sums(inputs)
        self.layers[-1].activation.apply(outputs, outputs)
        return outputs

    def new_records(self, n_rows: int) -> list[Record]:
        """Buffers of all layers for batches of `n_rows`."""
        return [layer.new_record(self.n_members, n_rows, self.parameters.dtype) for layer in self.layers]

    def __getstate__(self) -> dict[str, Any]:
        """The shape and the parameters: everything else follows from them."""
        return {"shape": self._shape, "parameters": self.parameters}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._shape = state["shape"]
        self._build(state["parameters"].dtype)
        self.parameters[...] = state["parameters"]


def article_network(n_inputs: int, n_hidden: int, n_outputs: int, *, rng: np.random.Generator) -> Network:
    """The article's own network: two layers of sigmoid units. Train it with SGD(), SQUARED_ERROR and `mean=False`."""
    return Network(
        (n_inputs, n_hidden, n_outputs),
        hidden_activation="sigmoid",
        output_activation="sigmoid",
        rng=rng,
        dtype=np.float64,
    )
