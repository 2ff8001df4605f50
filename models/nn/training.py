"""The training loop: epochs, batches, steps, and what happens after each epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from time import perf_counter
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from models.nn.arrays import Array
from models.nn.layers import Record
from models.nn.losses import Loss
from models.nn.network import Network
from models.nn.optimizers import Adam, Optimizer
from models.nn.schedules import Schedule, constant


@dataclass(frozen=True)
class Rows:
    """Inputs (n_rows, n_inputs), targets (n_rows, n_outputs) and the weight of each row, (n_rows, 1) with mean 1.

    `chosen` holds the numbers of the rows that count, None for all: a subset shares the arrays of the whole.
    """

    inputs: Array
    targets: Array
    weights: Array | None = None
    chosen: npt.NDArray[np.intp] | None = None

    def __len__(self) -> int:
        return len(self.inputs) if self.chosen is None else len(self.chosen)

    def subset(self, chosen: npt.NDArray[np.intp]) -> Rows:
        """The rows at these places among those that count; copies none of them."""
        return replace(self, chosen=chosen if self.chosen is None else self.chosen[chosen])

    def piece(self, start: int, stop: int) -> Rows:
        """The rows from `start` to `stop` among those that count: views, or copies of these rows in a subset."""
        chosen = slice(start, stop) if self.chosen is None else self.chosen[start:stop]
        weights = None if self.weights is None else self.weights[chosen]
        return Rows(self.inputs[chosen], self.targets[chosen], weights)


@dataclass(frozen=True)
class Epoch:
    """What is known when the network has seen every training row once more.

    `training_loss` is the mean over the epoch's batches while they were being learned (with dropout),
    `validation_loss` the loss of the members' common vote on the validation rows, None if there are none.
    """

    number: int
    n_epochs: int
    training_loss: float
    validation_loss: float | None
    learning_rate: float
    seconds: float


Callback: TypeAlias = Callable[[Epoch], bool | None]
"""Called after each epoch; returning True stops the training."""


class EarlyStopping:
    """Remember the parameters of the best epoch; stop when none was better for `patience` epochs.

    Best is the least validation loss, or training loss where there are no validation rows.

    Parameters
    ----------
    network : whose parameters are remembered.
    patience : epochs without a new best before the training stops.
    least_gain : how much lower a loss must be to count as a new best.
    start_loss : of the parameters at the start, where they are worth keeping; no epoch may be worse then.
    """

    def __init__(self, network: Network, *, patience: int, least_gain: float = 0.0, start_loss: float = np.inf) -> None:
        self.network, self.patience, self.least_gain = network, patience, least_gain
        self.best_loss, self.best_epoch = start_loss, 0
        self._best_parameters: Array = network.parameters.copy()

    def __call__(self, epoch: Epoch) -> bool:
        """Whether it is time to stop."""
        loss = epoch.training_loss if epoch.validation_loss is None else epoch.validation_loss
        if loss < self.best_loss - self.least_gain:
            self.best_loss, self.best_epoch = loss, epoch.number
            self._best_parameters[...] = self.network.parameters
        return epoch.number - self.best_epoch >= self.patience

    def restore(self) -> None:
        """Put the best parameters back."""
        if np.isfinite(self.best_loss):
            self.network.parameters[...] = self._best_parameters


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


@cache
def compiled_kernels() -> ModuleType | None:
    """`models.nn.compiled`; None where numba is not installed or cannot work here, and numpy does everything."""
    try:
        from models.nn import compiled  # noqa: PLC0415  (compiles as it is imported)
    except (ImportError, OSError, RuntimeError):  # not installed; a library or a folder for its cache is missing
        return None
    return compiled


class _Batch:
    """One batch's rows, gathered into buffers that are reused for every batch of the same size."""

    def __init__(self, network: Network, rows: Rows, n_rows: int, layer_kernel: Any) -> None:
        self.n_rows = n_rows
        self.inputs = np.empty((n_rows, rows.inputs.shape[1]), rows.inputs.dtype)
        self.targets = np.empty((n_rows, rows.targets.shape[1]), rows.targets.dtype)
        self.weights = None if rows.weights is None else np.empty((n_rows, 1), rows.weights.dtype)
        self.records: list[Record] = network.new_records(n_rows, layer_kernel)

    def gather(self, rows: Rows, numbers: npt.NDArray[np.intp]) -> None:
        # mode="clip" lets numpy write straight into `out`; the numbers are those of rows and need no clipping.
        # Of a matrix that is not stored row by row, `take` would copy the whole first
        if rows.inputs.flags.c_contiguous:
            rows.inputs.take(numbers, 0, self.inputs, "clip")
        else:
            self.inputs[...] = rows.inputs[numbers]
        rows.targets.take(numbers, 0, self.targets, "clip")
        if self.weights is not None and rows.weights is not None:
            rows.weights.take(numbers, 0, self.weights, "clip")


class _LossSum:
    """The loss of batches of one size, summed over rows and averaged over members.

    No step needs it, so the last sums of small batches are kept and their losses computed together.
    """

    _n_numbers = 8192  # sums worth a computation

    def __init__(self, network: Network, loss: Loss, batch: _Batch) -> None:
        self._activation, self._loss = network.layers[-1].activation, loss
        n_members, n_rows, n_outputs = batch.records[-1].sums.shape
        n_batches = max(self._n_numbers // batch.records[-1].sums.size, 1)
        dtype = batch.targets.dtype
        self._sums = np.empty((n_batches, n_members, n_rows, n_outputs), dtype)
        self._outputs = np.empty_like(self._sums)
        self._targets = np.empty((n_batches, 1, n_rows, n_outputs), dtype)
        self._weights = np.ones((n_batches, 1, n_rows), dtype)
        self._n_kept, self._total = 0, 0.0

    def add(self, batch: _Batch) -> None:
        """Take in the batch that went forward last."""
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
        """The sum since it was taken last."""
        if self._n_kept:
            self._compute()
        total, self._total = self._total, 0.0
        return total


class Training:
    """Everything that stays the same from step to step; `epochs` runs it.

    Parameters
    ----------
    network : its dtype must be that of the rows.
    loss, optimizer, schedule : see their modules; the schedule is asked anew at each step.
    batch_size : rows a step; None takes all rows at once (the article's batch gradient descent).
    mean : the batch loss is the mean over its rows; False sums them, as the article does.
    weight_decay : share of each weight, times the learning rate, taken off at each step.
    shuffle : draw a new order of the rows for each epoch.
    compiled : use compiled loops (see `nn.compiled`) for a float32 network where numba is installed. Equal seeds give
        equal bits with them and equal bits without them, but not the same bits.
    """

    def __init__(
        self,
        network: Network,
        *,
        loss: Loss,
        optimizer: Optimizer,
        learning_rate: float,
        rng: np.random.Generator,
        schedule: Schedule = constant,
        batch_size: int | None = 256,
        mean: bool = True,
        weight_decay: float = 0.0,
        shuffle: bool = True,
        compiled: bool = True,
    ) -> None:
        self.network, self.loss, self.optimizer = network, loss, optimizer
        self.learning_rate, self.schedule, self.weight_decay = learning_rate, schedule, weight_decay
        self.batch_size, self.mean, self.shuffle, self.rng = batch_size, mean, shuffle, rng
        kernels = compiled_kernels() if compiled and network.parameters.dtype == np.float32 else None
        self._layer_kernel = kernels and kernels.layer_kernel
        if kernels and isinstance(optimizer, Adam):
            optimizer.update = kernels.adam_update
        self._batches: dict[int, tuple[_Batch, _LossSum]] = {}

    def epochs(
        self,
        rows: Rows,
        *,
        n_epochs: int,
        validation: Rows | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> list[Epoch]:
        """Up to `n_epochs` passes over `rows`, fewer if a callback returns True; what was seen after each."""
        seen: list[Epoch] = []
        for number in range(1, n_epochs + 1):
            started = perf_counter()
            training_loss = self._one_epoch(rows, number - 1, n_epochs)
            epoch = Epoch(
                number=number,
                n_epochs=n_epochs,
                training_loss=training_loss,
                validation_loss=None if validation is None else mean_loss(self.network, validation, self.loss),
                learning_rate=self.learning_rate * self.schedule((number - 1) / n_epochs),
                seconds=perf_counter() - started,
            )
            seen.append(epoch)
            if any([callback(epoch) for callback in callbacks]):  # every callback hears of every epoch
                break
        return seen

    def _one_epoch(self, rows: Rows, n_done: int, n_epochs: int) -> float:
        for batch, losses, seen in self._shuffled(rows):
            rate = self.learning_rate * self.schedule((n_done + seen / len(rows)) / n_epochs)
            self.step(batch, rate)
            losses.add(batch)
        return sum(losses.take() for _, losses in self._batches.values()) / len(rows)

    def _shuffled(self, rows: Rows) -> Iterator[tuple[_Batch, _LossSum, int]]:
        """Every row once, in batches, each with the sum of its losses and the number of rows that came before it."""
        order = self.rng.permutation(len(rows)) if self.shuffle else np.arange(len(rows))
        if rows.chosen is not None:
            order = rows.chosen[order]
        batch_size = min(self.batch_size or len(rows), len(rows))
        for start in range(0, len(rows), batch_size):
            numbers = order[start : start + batch_size]
            if len(numbers) not in self._batches:
                batch = _Batch(self.network, rows, len(numbers), self._layer_kernel)
                self._batches[len(numbers)] = batch, _LossSum(self.network, self.loss, batch)
            batch, losses = self._batches[len(numbers)]
            batch.gather(rows, numbers)
            yield batch, losses, start

    def step(self, batch: _Batch, learning_rate: float) -> None:
        """Forward, backward, and one move of all parameters."""
        network = self.network
        network.forward(batch.inputs, batch.records, self.rng)
        row_weights = 1 / batch.n_rows if self.mean else 1.0
        network.backward(
            batch.targets,
            self.loss,
            batch.records,
            row_weights if batch.weights is None else batch.weights * row_weights,
        )
        if self.weight_decay:
            weights = network.parameters[: network.n_weights]
            if self.optimizer.decoupled_decay:
                weights *= 1 - learning_rate * self.weight_decay
            else:
                network.gradients[: network.n_weights] += self.weight_decay * weights
        self.optimizer.step(network.parameters, network.gradients, learning_rate)
        network.keep_directions()
