"""Training rows, and the batches drawn from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from models.nn.arrays import Array
from models.nn.network import Network
from models.nn.sparse_rows import SparseRows


@dataclass(frozen=True)
class Rows:
    """Inputs (n_rows, n_inputs), targets (n_rows, n_outputs) and the weight of each row, (n_rows, 1) with mean 1.

    The inputs are an array, or `SparseRows` for a network whose first layer is sparse.
    `chosen` holds the indices of a subset, None for all rows: a subset shares the arrays of the whole.
    """

    inputs: Any
    targets: Array
    weights: Array | None = None
    chosen: npt.NDArray[np.intp] | None = None

    def __len__(self) -> int:
        return len(self.inputs) if self.chosen is None else len(self.chosen)

    def subset(self, chosen: npt.NDArray[np.intp]) -> Rows:
        """The rows at these positions of this (sub)set; copies no rows."""
        return replace(self, chosen=chosen if self.chosen is None else self.chosen[chosen])

    def piece(self, start: int, stop: int) -> Rows:
        """The rows from `start` to `stop` of this (sub)set: views, or copies for a subset."""
        chosen = slice(start, stop) if self.chosen is None else self.chosen[start:stop]
        weights = None if self.weights is None else self.weights[chosen]
        return Rows(self.inputs[chosen], self.targets[chosen], weights)


class Batch:
    """One batch's rows, gathered into buffers that are reused for every batch of the same size."""

    def __init__(self, network: Network, rows: Rows, n_rows: int, layer_kernel: Any) -> None:
        self.n_rows = n_rows
        # Sparse rows are as long as their entries: each batch has arrays of its own
        self.inputs: Any = None
        if not isinstance(rows.inputs, SparseRows):
            self.inputs = np.empty((n_rows, rows.inputs.shape[1]), rows.inputs.dtype)
        self.targets = np.empty((n_rows, rows.targets.shape[1]), rows.targets.dtype)
        self.weights = None if rows.weights is None else np.empty((n_rows, 1), rows.weights.dtype)
        self.records: list[Any] = network.new_records(n_rows, layer_kernel)

    def gather(self, rows: Rows, numbers: npt.NDArray[np.intp]) -> None:
        """Copy the rows with these indices into the buffers."""
        # mode="clip" lets numpy write straight into `out` without a buffer; all numbers are valid.
        # `take` would first copy the whole of a matrix that is not stored row by row
        if isinstance(rows.inputs, SparseRows):
            self.inputs = rows.inputs[numbers]
        elif rows.inputs.flags.c_contiguous:
            rows.inputs.take(numbers, 0, self.inputs, "clip")
        else:
            self.inputs[...] = rows.inputs[numbers]
        rows.targets.take(numbers, 0, self.targets, "clip")
        if self.weights is not None and rows.weights is not None:
            rows.weights.take(numbers, 0, self.weights, "clip")
