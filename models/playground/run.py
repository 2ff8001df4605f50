"""Run: a reproducible training of a small network on points of a plane, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from models.answers.trace_layers import traced_layers
from models.arrays import Floats, Labels
from models.errors import DivergedError
from models.nn.arrays import Array
from models.nn.losses import BINARY_LOG_LOSS, SQUARED_ERROR
from models.nn.network import Network
from models.nn.optimizers import SGD, Adam
from models.nn.rows import Rows
from models.nn.trace import Trace, trace
from models.nn.training import Training
from models.playground.points import Points, points
from models.playground.settings import PlaygroundSettings
from models.playground.states import Halves, Labelled, PlaygroundState, PointsShown, Surface, TracedPoint, Weights

N_GRID = 40
"""Grid points of the decision surface along each axis."""
MAX_WEIGHTS, N_LARGEST = 400, 60
"""A trace of a network with more weights holds those with the largest gradients of each layer."""
MARGIN = 0.08
"""Margin of the surface around the points, relative to their range."""


class Run:
    """A training that can pause anywhere; equal settings and steps give equal bits, in any number of calls."""

    def __init__(self, settings: PlaygroundSettings) -> None:
        self.settings = settings
        self.points: Points = points(settings.data, settings.n_rows, settings.noise, settings.seed)
        learned = self.points.X[: self.points.n_training]
        self._center, self._scale = np.zeros(2), np.ones(2)
        if settings.normalise:
            self._center, self._scale = learned.mean(axis=0), learned.std(axis=0)
        self.loss = BINARY_LOG_LOSS if settings.loss == "log-loss" else SQUARED_ERROR
        self.network = Network(
            (2, *settings.hidden, 1),
            hidden_activation=settings.activation,
            dropout=settings.dropout,
            # Separate streams: a change of the batches does not change the initial weights
            rng=np.random.default_rng([settings.seed, 1]),
            dtype=np.float64,  # the page shows gradients next to numerical ones
        )
        training = Training(
            self.network,
            loss=self.loss,
            optimizer=SGD() if settings.optimizer == "gradient descent" else Adam(),
            learning_rate=settings.learning_rate,
            rng=np.random.default_rng([settings.seed, 2]),
            batch_size=settings.batch_size,
            weight_decay=settings.weight_decay,
        )
        targets = self.points.labels[:, None].astype(np.float64)
        rows = Rows(self.inputs(learned), targets[: self.points.n_training])
        self._steps = training.steps(rows, n_epochs=settings.n_epochs)
        self.steps_per_epoch = -(-len(learned) // min(settings.batch_size, len(learned)))
        self.n_steps = self.steps_per_epoch * settings.n_epochs
        self.step = 0

    @property
    def is_finished(self) -> bool:
        """Whether the last epoch is over, or the training has diverged."""
        return self.step >= self.n_steps or self.diverged

    @property
    def diverged(self) -> bool:
        """Whether some weight is not finite."""
        return not bool(np.isfinite(self.network.parameters).all())

    def inputs(self, X: Floats) -> Floats:
        """Points of the plane as inputs of the network, shape (n_rows, 2)."""
        read: Floats = (X - self._center) / self._scale
        return read

    def take_step(self) -> None:
        """Train on one batch."""
        with np.errstate(all="ignore"):  # divergence is shown, not an error
            next(self._steps)
        self.step += 1

    def state(self, *, with_points: bool = False) -> PlaygroundState:
        """The present state."""
        n_training = self.points.n_training
        with np.errstate(all="ignore"):
            log_odds, probabilities = self._predicted(self.points.X)
            targets = self.points.labels[:, None].astype(np.float64)
            losses = _halves(self.loss.value(log_odds, probabilities, targets), n_training)
            hits = (probabilities[:, 0] >= 0.5) == (self.points.labels == 1)
            surface = self._surface()
        diverged = self.diverged or losses.training is None or losses.validation is None
        return PlaygroundState(
            step=self.step,
            epoch=self.step // self.steps_per_epoch,
            steps_per_epoch=self.steps_per_epoch,
            is_finished=self.is_finished or diverged,
            diverged=diverged,
            losses=losses,
            accuracies=_halves(hits.astype(np.float64), n_training),
            layers=[
                Weights(weights=_finite(layer.weights[0]), biases=_finite(layer.biases[0, 0]))
                for layer in self.network.layers
            ],
            surface=surface,
            points=self._shown_points() if with_points else None,
        )

    def trace(self, number: int) -> TracedPoint:
        """Forward and backward pass of one row, and one step of gradient descent for it alone.

        Parameters
        ----------
        number : of the row, from 0; the training set comes first.

        Raises
        ------
        DivergedError
            Some number of the trace is not finite.
        """
        row, outcome = self.points.X[number], int(self.points.labels[number])
        (inputs,), targets = self.inputs(row[None]), np.array([outcome], np.float64)
        n_weights = None if self.network.n_weights <= MAX_WEIGHTS else N_LARGEST
        with np.errstate(all="ignore"):
            found = trace(self.network, inputs, targets, self.loss, learning_rate=self.settings.learning_rate)
        if not _is_finite(found):
            raise DivergedError(self.step)
        (before,), (after,) = self.network.predict(inputs[None]), found.after.predict(inputs[None])
        return TracedPoint(
            row=tuple(row.tolist()),
            inputs=tuple(inputs.tolist()),
            outcome=outcome,
            probability=before[0],
            loss=found.losses[0],
            learning_rate=self.settings.learning_rate,
            layers=traced_layers(self.network, found, inputs, targets, self.loss, n_weights=n_weights),
            probability_after=after[0],
            loss_after=found.losses_after[0],
        )

    def _predicted(self, X: Floats) -> tuple[Array, Array]:
        """Log-odds and probabilities of points, each of shape (n_rows, 1)."""
        log_odds = self.network.mean_sums(self.inputs(X))
        probabilities: Array = log_odds.copy()
        self.network.layers[-1].activation.apply(probabilities, probabilities)
        return log_odds, probabilities

    def _surface(self) -> Surface:
        low, high = self.points.X.min(axis=0), self.points.X.max(axis=0)
        reach = MARGIN * (high - low)
        x, y = (np.linspace(low[i] - reach[i], high[i] + reach[i], N_GRID) for i in range(2))
        places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        probabilities = self._predicted(places)[1].reshape(N_GRID, N_GRID)
        return Surface(x=x.tolist(), y=y.tolist(), probabilities=_finite(np.round(probabilities, 4)))

    def _shown_points(self) -> PointsShown:
        n_training = self.points.n_training
        return PointsShown(
            axes=self.points.axes,
            classes=self.points.classes,
            training=_labelled(self.points.X[:n_training], self.points.labels[:n_training]),
            validation=_labelled(self.points.X[n_training:], self.points.labels[n_training:]),
        )


def _is_finite(found: Trace) -> bool:
    """Whether every number of a trace is finite; those not checked here follow from these."""
    parts = [found.after.parameters, found.losses, found.vote_after, found.losses_after]
    parts += [part for layer in found.layers for part in (layer.sums, layer.output_gradients, layer.weight_gradients)]
    return all(bool(np.isfinite(part).all()) for part in parts)


def _labelled(X: Floats, labels: Labels) -> Labelled:
    return Labelled(rows=[(float(x), float(y)) for x, y in X], labels=[int(label) for label in labels])


def _halves(figures: npt.NDArray[Any], n_training: int) -> Halves:
    """The means over training and validation set."""
    parts = figures[:n_training].mean(), figures[n_training:].mean()
    training, validation = (float(part) if np.isfinite(part) else None for part in parts)
    return Halves(training=training, validation=validation)


def _finite(values: Floats) -> list[object]:
    """Nested lists with None for numbers that JSON cannot hold."""
    if np.isfinite(values).all():
        return values.tolist()  # type: ignore[no-any-return]
    plain: list[object] = np.where(np.isfinite(values), values, None).tolist()  # type: ignore[call-overload]
    return plain
