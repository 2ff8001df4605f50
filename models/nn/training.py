"""The training loop: epochs, batches, steps, callbacks, early stopping."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from time import perf_counter
from types import ModuleType
from typing import TypeAlias

import numpy as np

from models.nn.input_scales import InputScales
from models.nn.loss_sums import LossSum, mean_loss
from models.nn.losses import Loss
from models.nn.network import Network
from models.nn.optimizers import Adam, Optimizer
from models.nn.rows import Batch, Rows
from models.nn.schedules import Schedule, constant


@dataclass(frozen=True)
class Epoch:
    """State at the end of an epoch.

    `training_loss` is the mean over the epoch's batches before each step (with dropout), `validation_loss` that of the
    ensemble on the validation rows, None if there are none.
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
    min_gain : minimum improvement that counts as a new best.
    start_loss : of the initial parameters, for a warm start: they are kept unless an epoch improves on them.
    """

    def __init__(self, network: Network, *, patience: int, min_gain: float = 0.0, start_loss: float = np.inf) -> None:
        self.network, self.patience, self.min_gain = network, patience, min_gain
        self.best_loss, self.best_epoch = start_loss, 0
        self._best = [array.copy() for array in network.arrays]

    def __call__(self, epoch: Epoch) -> bool:
        """Record the epoch; returns whether to stop."""
        loss = epoch.training_loss if epoch.validation_loss is None else epoch.validation_loss
        if loss < self.best_loss - self.min_gain:
            self.best_loss, self.best_epoch = loss, epoch.number
            for kept, array in zip(self._best, self.network.arrays, strict=True):
                kept[...] = array
        return epoch.number - self.best_epoch >= self.patience

    def restore(self) -> None:
        """Put the best parameters back."""
        # If every loss was NaN, the diverged parameters stay, for the caller to find
        if np.isfinite(self.best_loss):
            for kept, array in zip(self._best, self.network.arrays, strict=True):
                array[...] = kept


@cache
def compiled_kernels() -> ModuleType | None:
    """`models.nn.compiled`; None where numba is not installed or fails, and numpy is used."""
    try:
        from models.nn import compiled  # noqa: PLC0415  (compiles as it is imported)
    except (ImportError, OSError, RuntimeError):  # not installed; no LLVM library; no writable folder for its cache
        return None
    return compiled


class Training:
    """A training: network, loss, optimizer and settings; `epochs` runs it.

    Parameters
    ----------
    network : its dtype must be that of the rows.
    loss, optimizer, schedule : see their modules; the schedule is evaluated at each step.
    batch_size : rows a step; None takes all rows at once (the article's batch gradient descent).
    mean : the batch loss is the mean over its rows; False sums them, as the article does.
    weight_decay : share of each weight, times the learning rate, subtracted at each step.
    input_scales : of this network, or None.
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
        input_scales: InputScales | None = None,
        shuffle: bool = True,
        compiled: bool = True,
    ) -> None:
        self.network, self.loss, self.optimizer = network, loss, optimizer
        self.learning_rate, self.schedule, self.weight_decay = learning_rate, schedule, weight_decay
        self.batch_size, self.mean, self.shuffle, self.rng = batch_size, mean, shuffle, rng
        self.input_scales = input_scales
        # The compiled loops exist for float32 only
        kernels = compiled_kernels() if compiled and network.parameters.dtype == np.float32 else None
        self._layer_kernel = kernels and kernels.layer_kernel
        if kernels and isinstance(optimizer, Adam):
            optimizer.update = kernels.adam_update
        # Buffers by batch size: an epoch has full batches, and usually a smaller last one
        self._batches: dict[int, tuple[Batch, LossSum]] = {}

    def epochs(
        self,
        rows: Rows,
        *,
        n_epochs: int,
        validation: Rows | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> list[Epoch]:
        """Up to `n_epochs` passes over `rows`, fewer if a callback returns True; returns the state after each."""
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
            if any([callback(epoch) for callback in callbacks]):  # a list, so that every callback is called
                break
        return seen

    def steps(self, rows: Rows, *, n_epochs: int) -> Iterator[int]:
        """Train step by step: yields the number of the epoch after each step."""
        for number in range(1, n_epochs + 1):
            for _ in self._steps_of_epoch(rows, number - 1, n_epochs):
                yield number

    def _one_epoch(self, rows: Rows, n_done: int, n_epochs: int) -> float:
        for batch, losses in self._steps_of_epoch(rows, n_done, n_epochs):
            losses.add(batch)
        return sum(losses.take() for _, losses in self._batches.values()) / len(rows)

    def _steps_of_epoch(self, rows: Rows, n_done: int, n_epochs: int) -> Iterator[tuple[Batch, LossSum]]:
        for batch, losses, seen in self._shuffled(rows):
            self.step(batch, self.learning_rate * self.schedule((n_done + seen / len(rows)) / n_epochs))
            yield batch, losses

    def _shuffled(self, rows: Rows) -> Iterator[tuple[Batch, LossSum, int]]:
        """One epoch of batches, each with its loss sum and the number of rows before it."""
        order = self.rng.permutation(len(rows)) if self.shuffle else np.arange(len(rows))
        if rows.chosen is not None:
            order = rows.chosen[order]
        batch_size = min(self.batch_size or len(rows), len(rows))
        for start in range(0, len(rows), batch_size):
            numbers = order[start : start + batch_size]
            if len(numbers) not in self._batches:
                batch = Batch(self.network, rows, len(numbers), self._layer_kernel)
                self._batches[len(numbers)] = batch, LossSum(self.network, self.loss, batch)
            batch, losses = self._batches[len(numbers)]
            batch.gather(rows, numbers)
            yield batch, losses, start

    def step(self, batch: Batch, learning_rate: float) -> None:
        """Forward, backward, and one update of all parameters."""
        network = self.network
        network.forward(batch.inputs, batch.records, self.rng)
        row_weights = 1 / batch.n_rows if self.mean else 1.0
        network.backward(
            batch.targets,
            self.loss,
            batch.records,
            row_weights if batch.weights is None else batch.weights * row_weights,
        )
        # The optimizer must see the free weights, not their products with the scales
        if self.input_scales:
            self.input_scales.take_apart()
        if self.weight_decay:
            # Biases are not decayed (Goodfellow, Bengio and Courville 2016, section 7.1)
            weights = network.parameters[: network.n_weights]
            if self.optimizer.decoupled_decay:
                weights *= 1 - learning_rate * self.weight_decay
            else:
                network.gradients[: network.n_weights] += self.weight_decay * weights
        self.optimizer.step(network.parameters, network.gradients, learning_rate)
        network.finish_step(batch.records, learning_rate)
        if self.input_scales:
            self.input_scales.put_together(learning_rate)
