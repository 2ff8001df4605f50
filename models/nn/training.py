"""The training loop: epochs, batches, steps, and what happens after each epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from models.nn.arrays import Array
from models.nn.layers import Record
from models.nn.losses import Loss
from models.nn.network import Network
from models.nn.optimizers import Optimizer
from models.nn.schedules import Schedule, constant


@dataclass(frozen=True)
class Rows:
    """Inputs (n_rows, n_inputs), targets (n_rows, n_outputs) and the weight of each row, (n_rows, 1) with mean 1."""

    inputs: Array
    targets: Array
    weights: Array | None = None

    def __len__(self) -> int:
        return len(self.inputs)


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
    """

    def __init__(self, network: Network, *, patience: int, least_gain: float = 0.0) -> None:
        self.network, self.patience, self.least_gain = network, patience, least_gain
        self.best_loss, self.best_epoch = np.inf, 0
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
        if self.best_epoch:
            self.network.parameters[...] = self._best_parameters


def mean_loss(network: Network, rows: Rows, loss: Loss, *, rows_per_chunk: int = 8192) -> float:
    """The weighted mean loss of the members' common vote over `rows`."""
    total = weight = 0.0
    for start in range(0, len(rows), rows_per_chunk):
        chunk = slice(start, start + rows_per_chunk)
        sums = network.mean_sums(rows.inputs[chunk])
        outputs = np.empty_like(sums)
        network.layers[-1].activation.apply(sums, outputs)
        losses = loss.value(sums, outputs, rows.targets[chunk]).astype(np.float64)
        weights = np.ones(len(losses)) if rows.weights is None else rows.weights[chunk, 0]
        total += float(losses @ weights)
        weight += float(weights.sum())
    return total / weight


class _Batch:
    """One batch's rows, gathered into buffers that are reused for every batch of the same size."""

    def __init__(self, network: Network, rows: Rows, n_rows: int) -> None:
        self.n_rows = n_rows
        self.inputs = np.empty((n_rows, rows.inputs.shape[1]), rows.inputs.dtype)
        self.targets = np.empty((n_rows, rows.targets.shape[1]), rows.targets.dtype)
        self.weights = None if rows.weights is None else np.empty((n_rows, 1), rows.weights.dtype)
        self.records: list[Record] = network.new_records(n_rows)

    def gather(self, rows: Rows, chosen: npt.NDArray[np.intp]) -> None:
        # mode="clip" lets numpy write straight into `out`; the indices are a permutation and need no clipping
        np.take(rows.inputs, chosen, axis=0, out=self.inputs, mode="clip")
        np.take(rows.targets, chosen, axis=0, out=self.targets, mode="clip")
        if self.weights is not None and rows.weights is not None:
            np.take(rows.weights, chosen, axis=0, out=self.weights, mode="clip")


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
    ) -> None:
        self.network, self.loss, self.optimizer = network, loss, optimizer
        self.learning_rate, self.schedule, self.weight_decay = learning_rate, schedule, weight_decay
        self.batch_size, self.mean, self.shuffle, self.rng = batch_size, mean, shuffle, rng
        self._batches: dict[int, _Batch] = {}

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
        total = 0.0
        for batch, seen in self._shuffled(rows):
            rate = self.learning_rate * self.schedule((n_done + seen / len(rows)) / n_epochs)
            total += self.step(batch, rate) * batch.n_rows
        return total / len(rows)

    def _shuffled(self, rows: Rows) -> Iterator[tuple[_Batch, int]]:
        """Every row once, in batches, each with the number of rows that came before it."""
        order = self.rng.permutation(len(rows)) if self.shuffle else np.arange(len(rows))
        batch_size = min(self.batch_size or len(rows), len(rows))
        for start in range(0, len(rows), batch_size):
            chosen = order[start : start + batch_size]
            batch = self._batches.get(len(chosen))
            if batch is None:
                batch = self._batches[len(chosen)] = _Batch(self.network, rows, len(chosen))
            batch.gather(rows, chosen)
            yield batch, start

    def step(self, batch: _Batch, learning_rate: float) -> float:
        """Forward, backward, and one move of all parameters; the batch's mean loss before the move."""
        network = self.network
        outputs = network.forward(batch.inputs, batch.records, self.rng)
        losses = self.loss.value(batch.records[-1].sums, outputs, batch.targets)
        row_weights = 1 / batch.n_rows if self.mean else 1.0
        loss = float(losses.mean()) if batch.weights is None else float((losses * batch.weights[:, 0]).mean())
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
        return loss
