"""The loss over many rows: of a fixed network, and of training batches."""

from __future__ import annotations

import numpy as np

from models.nn.losses import Loss
from models.nn.network import Network
from models.nn.rows import Batch, Rows


def mean_loss(network: Network, rows: Rows, loss: Loss, *, rows_at_once: int = 1024) -> float:
    """The weighted mean loss of the members' common vote over `rows`."""
    total = weight = 0.0
    for start in range(0, len(rows), rows_at_once):
        piece = rows.piece(start, start + rows_at_once)
        sums = network.mean_sums(piece.inputs)
        outputs = np.empty_like(sums)
        network.layers[-1].activation.apply(sums, outputs)
        losses = loss.value(sums, outputs, piece.targets).astype(np.float64)
        weights = np.ones(len(losses)) if piece.weights is None else piece.weights[:, 0]
        total += float(losses @ weights)
        weight += float(weights.sum())
    return total / weight


class LossSum:
    """The loss of batches of one size, summed over rows and averaged over members.

    It is only reported, so the last sums of small batches are collected and their losses computed together, which
    saves calls of numpy.
    """

    _n_numbers = 8192  # sums collected before their losses are computed

    def __init__(self, network: Network, loss: Loss, batch: Batch) -> None:
        self._activation, self._loss = network.layers[-1].activation, loss
        n_members, n_rows, n_outputs = batch.records[-1].sums.shape
        n_batches = max(self._n_numbers // batch.records[-1].sums.size, 1)
        dtype = batch.targets.dtype
        self._sums = np.empty((n_batches, n_members, n_rows, n_outputs), dtype)
        self._outputs = np.empty_like(self._sums)
        self._targets = np.empty((n_batches, 1, n_rows, n_outputs), dtype)
        self._weights = np.ones((n_batches, 1, n_rows), dtype)
        self._n_kept, self._total = 0, 0.0

    def add(self, batch: Batch) -> None:
        """Add the loss of the batch of the last forward pass."""
        kept = self._n_kept
        self._sums[kept] = batch.records[-1].sums
        self._targets[kept] = batch.targets
        if batch.weights is not None:
            self._weights[kept, 0] = batch.weights[:, 0]
        self._n_kept += 1
        if self._n_kept == len(self._sums):
            self._compute()

    def _compute(self) -> None:
        sums, outputs = self._sums[: self._n_kept], self._outputs[: self._n_kept]
        self._activation.apply(sums, outputs)
        losses = self._loss.value(sums, outputs, self._targets[: self._n_kept])
        losses *= self._weights[: self._n_kept]
        self._total += float(losses.sum(dtype=np.float64)) / sums.shape[1]
        self._n_kept = 0

    def take(self) -> float:
        """The sum since the last call."""
        if self._n_kept:
            self._compute()
        total, self._total = self._total, 0.0
        return total
