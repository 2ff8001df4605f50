"""The parameters that the estimators share: the network and its training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions

from models.nn.schedules import SCHEDULES
from models.nn.training import Callback
from models.presets import PRESETS, NetworkSettings


class BackpropParameters(BaseEstimator):  # type: ignore[misc]
    """The parameters of a network and of its training.

    The classifier and the regressor also have a `preset`: a parameter that is None takes the preset's value.

    Parameters
    ----------
    hidden_layer_sizes : units of each hidden layer.
    activation : of the hidden layers: "identity", "sigmoid", "tanh", "relu" or "silu".
    n_members : networks that are trained together and averaged; more reduce the variance and are slower.
    dropout : probability of dropping a hidden unit at a training step, 0 <= dropout < 1.
    optimizer : "sgd" (with `momentum`), "adam" or "adamw" (decoupled weight decay).
    learning_rate : base rate; `schedule` varies it: "constant", "cosine", "step", "exponential", "warmup_cosine" or
        "coslog4".
    momentum : of "sgd".
    weight_decay : share of each weight, times the learning rate, subtracted at each step.
    input_scale_rate : learning rate of the input scales as a multiple of `learning_rate`, 0 for no scales; see
        `nn.input_scales`. A warm start and `partial_fit` train the weights only.
    batch_size : rows a step; "auto" takes a 64th of the rows, at least 16 and at most 256.
    max_epochs : maximum number of passes over the training rows.
    early_stopping : stop when the validation loss has not improved for `patience` epochs, and keep the best epoch's
        weights. Not used if there would be fewer than 10 validation rows, or none with a positive weight.
    validation_fraction : share of the rows held out for that, unless `fit` is given validation data.
    n_folds : 1 for that single split. Otherwise the rows are divided into folds, and for each fold `n_members` networks
        are trained on the other rows and stopped by those of the fold; all are averaged. So each row is used for
        training and for validation. If the data are too small for two folds of 10 rows with positive weights, there is
        no validation.
    patience : see `early_stopping`.
    warm_start : `fit` continues from the current weights; whatever else was learned in the first `fit` (classes, scale
        of the target) is kept. With `early_stopping` the initial weights are a candidate for the best, too.
    callbacks : called with an `nn.training.Epoch` after each epoch; returning True stops the training.
    random_state : seed of weights, row order, dropout and validation split. Equal seeds give equal bits.
    """

    stored_fields: ClassVar[Mapping[str, str]] = {
        "hidden_layer_sizes": "int[]?",
        "activation": "text?",
        "n_members": "int?",
        "dropout": "float?",
        "optimizer": "text",
        "learning_rate": "float?",
        "schedule": "text?",
        "momentum": "float",
        "weight_decay": "float?",
        "input_scale_rate": "float?",
        "batch_size": "int|text",
        "max_epochs": "int?",
        "early_stopping": "bool",
        "validation_fraction": "float",
        "n_folds": "int?",
        "patience": "int?",
        "warm_start": "bool",
        "random_state": "int?",
    }
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
        "input_scale_rate": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_folds": [Interval(Integral, 1, None, closed="left")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "callbacks": [None, list, tuple],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] | None = (128, 64),
        *,
        activation: str | None = "relu",
        n_members: int | None = 1,
        dropout: float | None = 0.0,
        optimizer: str = "adamw",
        learning_rate: float | None = 1e-3,
        schedule: str | None = "constant",
        momentum: float = 0.9,
        weight_decay: float | None = 1e-2,
        input_scale_rate: float | None = 0.0,
        batch_size: int | str = "auto",
        max_epochs: int | None = 200,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_folds: int | None = 1,
        patience: int | None = 15,
        warm_start: bool = False,
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
        self.input_scale_rate = input_scale_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_folds = n_folds
        self.patience = patience
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.random_state = random_state

    @property
    def settings(self) -> NetworkSettings:
        """The preset's parameters, overridden by those that are given."""
        given = {name: getattr(self, name) for name in NetworkSettings.names}
        of_preset = PRESETS[self.preset].network if hasattr(self, "preset") else {}
        return NetworkSettings(**{**of_preset, **{name: value for name, value in given.items() if value is not None}})
