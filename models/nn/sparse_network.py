"""A network whose first layer reads sparse rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from models.nn.arrays import Array
from models.nn.layers import LayerKernel, Record
from models.nn.losses import Loss
from models.nn.network import Network
from models.nn.sparse_layer import SparseLayer, SparseRecord
from models.nn.sparse_rows import SparseRows


class SparseNetwork(Network):
    """A sparse first layer of relu units, and a `Network` on its outputs.

    `parameters` and `layers` are those of the dense part. The first layer is apart: an optimizer of flat vectors would
    move all its weights at every step, and keep moments for each.

    Parameters
    ----------
    widths : number of inputs, of each hidden layer's units and of outputs, e.g. (30_000, 256, 150).
    n_members, dropout, rng, dtype : see `Network`; the rng draws all initial weights.
    input_dropout : probability of dropping an entry of a row while training.

    Attributes
    ----------
    first : the sparse layer. All others: see `Network`.
    """

    stored_as: ClassVar[str] = "sparse_network"
    stored_fields: ClassVar[Mapping[str, str]] = {
        **Network.stored_fields,
        "input_dropout": "float",
        "first_weights": "float16[inputs, units]",
        "first_biases": "float32[units]",
    }

    def __init__(
        self,
        widths: Sequence[int],
        *,
        output_activation: str = "softmax",
        n_members: int = 1,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        rng: np.random.Generator,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        n_inputs, *dense = widths
        super().__init__(
            dense, output_activation=output_activation, n_members=n_members, dropout=dropout, rng=rng, dtype=dtype
        )
        n_units = dense[0] * n_members
        # Small sums at first, whatever the length of a row: about the square root of its number of blocks
        weights = rng.standard_normal((n_inputs, n_units), np.float32).astype(dtype, copy=False)
        weights *= np.sqrt(2 / dense[0])
        self._set_first(weights, np.zeros(n_units, dtype), input_dropout)

    def _set_first(self, weights: Array, biases: Array, input_dropout: float) -> None:
        self.first = SparseLayer(
            weights, biases, n_members=self.n_members, dropout=self._shape.dropout, input_dropout=input_dropout
        )

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""
        return self.first.n_inputs

    @property
    def hidden_widths(self) -> list[int]:
        """See `Network.hidden_widths`; the sparse layer comes first."""
        return [self.first.n_units, *super().hidden_widths]

    @property
    def arrays(self) -> tuple[Array, ...]:
        """See `Network.arrays`; with those of the first layer."""
        return self.parameters, self.first.weights, self.first.biases

    def forward(self, inputs: SparseRows, records: Sequence[Any], rng: np.random.Generator) -> Array:
        """See `Network.forward`; the first record is that of the sparse layer."""
        return super().forward(self.first.forward(inputs, records[0], rng), records[1:], rng)

    def backward(
        self,
        targets: Array,
        loss: Loss,
        records: Sequence[Any],
        row_weights: Array | float,
        grad_inputs: Array | None = None,
    ) -> None:
        """See `Network.backward`."""
        first: SparseRecord = records[0]
        super().backward(targets, loss, records[1:], row_weights, first.grads)
        self.first.backward(first)

    def finish_step(self, records: Sequence[Any], learning_rate: float) -> None:
        """See `Network.finish_step`: move the weights of the inputs that the batch touched."""
        super().finish_step(records[1:], learning_rate)
        self.first.step(records[0], learning_rate)

    def sums(self, inputs: SparseRows) -> Array:
        """See `Network.sums`."""
        return super().sums(self.first.predict(inputs))

    def new_records(
        self, n_rows: int, layer_kernel: Callable[[str], LayerKernel | None] | None = None
    ) -> list[Record | SparseRecord]:
        """See `Network.new_records`; that of the sparse layer comes first."""
        return [self.first.new_record(n_rows), *super().new_records(n_rows, layer_kernel)]

    def copy(self, dtype: npt.DTypeLike | None = None) -> SparseNetwork:
        """See `Network.copy`."""
        whole, first = SparseNetwork.__new__(SparseNetwork), self.first
        whole._build(self._shape, np.array(self.parameters, dtype))
        whole._set_first(np.array(first.weights, dtype), np.array(first.biases, dtype), first.input_dropout)
        return whole

    def round_as_stored(self) -> None:
        """Round the first weights to the 16 bits in which they are stored, so that storing changes no answer."""
        self.first.weights[...] = self.first.weights.astype(np.float16)

    def __getstate__(self) -> dict[str, Any]:
        """With the first layer's weights in 16 bits: half the size, and no label that changes."""
        return {
            **super().__getstate__(),
            "input_dropout": self.first.input_dropout,
            "first_weights": self.first.weights.astype(np.float16),
            "first_biases": self.first.biases,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore; the first layer's weights become float32 again."""
        own = {name: state[name] for name in ("input_dropout", "first_weights", "first_biases")}
        super().__setstate__({name: value for name, value in state.items() if name not in own})
        weights, biases = own["first_weights"], own["first_biases"]
        if len(biases) != self.n_members * self._shape.widths[0]:
            raise ValueError(
                f"first_biases must be {self.n_members * self._shape.widths[0]} numbers, not {len(biases)}"
            )
        self._set_first(weights.astype(np.float32), biases.copy(), own["input_dropout"])
