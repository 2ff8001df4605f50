"""What the backpropagation estimators share: parameters, training, prediction in pieces."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, validate_data
from threadpoolctl import threadpool_limits

from models.nn.arrays import Array
from models.nn.losses import Loss
from models.nn.network import Network
from models.nn.optimizers import optimizer_named
from models.nn.schedules import SCHEDULES
from models.nn.training import Callback, EarlyStopping, Rows, Training

_ROWS_PER_PREDICTION = 16_384  # rows a forward pass; bounds the memory of a prediction


class BackpropEstimator(BaseEstimator):  # type: ignore[misc]
    """Base of the estimators: the parameters of the network and of its training, and the training itself.

    Parameters
    ----------
    hidden_layer_sizes : units of each hidden layer.
    activation : of the hidden layers: "identity", "sigmoid", "tanh", "relu" or "silu".
    n_members : networks trained together and averaged; more are steadier and slower.
    dropout : probability of dropping a hidden unit at a training step, 0 <= dropout < 1.
    optimizer : "sgd" (with `momentum`), "adam" or "adamw" (weight decay beside the step).
    learning_rate : of the first step; `schedule` changes it from there: "constant", "cosine", "step", "exponential",
        "warmup_cosine" or "coslog4".
    momentum : of "sgd".
    weight_decay : share of each weight, times the learning rate, taken off at each step.
    batch_size : rows a step; "auto" takes a 64th of the rows, at least 16 and at most 256.
    max_epochs : most passes over the training rows.
    early_stopping : watch the loss on validation rows, stop when it has not improved for `patience` epochs, and keep
        the best epoch's weights. Data that would leave fewer than 10 validation rows are trained without.
    validation_fraction : share of the rows split off for that, where `fit` is given no validation data.
    patience : see `early_stopping`.
    callbacks : called with an `nn.training.Epoch` after each epoch; returning True stops the training.
    random_state : seed of weights, order, dropout and validation split. Equal seeds give equal bits.

    Attributes
    ----------
    network_ : the trained `nn.network.Network`.
    training_curve_, validation_curve_ : loss after each epoch; the latter is empty without validation rows.
    n_epochs_ : epochs trained. best_epoch_ : the one whose weights were kept, counted from 1.
    n_features_in_ : columns of X.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions({"identity", "sigmoid", "tanh", "relu", "silu"})],
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "optimizer": [StrOptions({"sgd", "adam", "adamw"})],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "schedule": [StrOptions(set(SCHEDULES))],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "callbacks": [None, list, tuple],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (128, 64),
        *,
        activation: str = "relu",
        n_members: int = 1,
        dropout: float = 0.0,
        optimizer: str = "adamw",
        learning_rate: float = 1e-3,
        schedule: str = "constant",
        momentum: float = 0.9,
        weight_decay: float = 1e-2,
        batch_size: int | str = "auto",
        max_epochs: int = 200,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        patience: int = 15,
        callbacks: Sequence[Callback] | None = None,
        random_state: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.n_members = n_members
        self.dropout = dropout
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.callbacks = callbacks
        self.random_state = random_state

    def _train(self, rows: Rows, validation: Rows | None, *, loss: Loss, output: str, rng: np.random.Generator) -> None:
        """Build the network for these rows and train it."""
        hidden = np.atleast_1d(self.hidden_layer_sizes).tolist()
        self.network_ = Network(
            (rows.inputs.shape[1], *hidden, rows.targets.shape[1]),
            hidden_activation=self.activation,
            output_activation=output,
            n_members=self.n_members,
            dropout=self.dropout,
            rng=rng,
        )
        training = Training(
            self.network_,
            loss=loss,
            optimizer=optimizer_named(self.optimizer, momentum=self.momentum),
            learning_rate=self.learning_rate,
            schedule=SCHEDULES[self.schedule],
            batch_size=min(max(len(rows) // 64, 16), 256) if self.batch_size == "auto" else int(self.batch_size),
            weight_decay=self.weight_decay,
            rng=rng,
        )
        callbacks = list(self.callbacks or ())
        stopping = EarlyStopping(self.network_, patience=self.patience) if validation is not None else None
        # The products are small: a second BLAS thread gains nothing, and waiting for it costs much on a busy machine
        with threadpool_limits(limits=1, user_api="blas"):
            epochs = training.epochs(
                rows,
                n_epochs=self.max_epochs,
                validation=validation,
                callbacks=[stopping, *callbacks] if stopping else callbacks,
            )
        if stopping:
            stopping.restore()
        self.n_epochs_ = len(epochs)
        self.best_epoch_ = stopping.best_epoch if stopping else len(epochs)
        self.training_curve_ = [epoch.training_loss for epoch in epochs]
        self.validation_curve_ = [epoch.validation_loss for epoch in epochs if epoch.validation_loss is not None]
        if not np.isfinite(self.network_.parameters).all():
            raise ValueError(
                f"training diverged: weights became infinite or NaN; scale the inputs (largest absolute value "
                f"{np.abs(rows.inputs).max():.3g}) or lower learning_rate={self.learning_rate}"
            )

    def _hold_out(
        self, rows: Rows, labels: npt.NDArray[Any] | None, rng: np.random.Generator
    ) -> tuple[Rows, Rows | None]:
        """The training and the validation rows, each class on both sides; None for the latter in too small data."""
        seed = int(rng.integers(2**31))
        least_rows = 10
        n_validation = round(self.validation_fraction * len(rows))
        if not self.early_stopping or n_validation < least_rows:
            return rows, None
        if labels is not None:
            _, n_of_class = np.unique(labels, return_counts=True)
            if n_of_class.min() < 2 or n_validation < len(n_of_class):
                return rows, None
        training, held_out = train_test_split(
            np.arange(len(rows)), test_size=self.validation_fraction, random_state=seed, stratify=labels
        )
        return _take(rows, training), _take(rows, held_out)

    def _rng(self) -> np.random.Generator:
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        return np.random.default_rng(seed)

    def _sums(self, X: Any) -> Array:
        """The members' averaged last sums for unchecked rows, float64 of shape (n_rows, n_outputs)."""
        return self._sums_of(validate_data(self, X, reset=False, dtype=np.float32))

    def _sums_of(self, X: Array) -> Array:
        """The same for float32 rows that have been checked."""
        if len(X) <= _ROWS_PER_PREDICTION:
            return self.network_.mean_sums(X).astype(np.float64)
        parts = [
            self.network_.mean_sums(X[start : start + _ROWS_PER_PREDICTION])
            for start in range(0, len(X), _ROWS_PER_PREDICTION)
        ]
        return np.concatenate(parts).astype(np.float64)


def weight_column(sample_weight: Any, X: Array) -> Array | None:
    """Row weights as a column with mean 1, None if all count the same."""
    if sample_weight is None:
        return None
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if weights.sum() <= 0:
        raise ValueError("sample_weight must be positive for at least one row")
    scaled: Array = (weights / weights.mean()).astype(np.float32)[:, None]
    return scaled


def _take(rows: Rows, chosen: Any) -> Rows:
    """The chosen rows with their targets and weights."""
    weights = None if rows.weights is None else rows.weights[chosen]
    return Rows(rows.inputs[chosen], rows.targets[chosen], weights)
