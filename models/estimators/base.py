"""The base class of the estimators: parameters, training, prediction in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_monotonic_cst, _check_sample_weight, validate_data
from threadpoolctl import threadpool_limits

from models.encoding.feature_groups import FeatureGroups
from models.estimators.folds import Curves, Fold, curves, fold_rows, mean_curves, split_off
from models.nn.arrays import Array
from models.nn.input_scales import InputScales
from models.nn.loss_sums import mean_loss
from models.nn.losses import Loss
from models.nn.network import Network
from models.nn.optimizers import Optimizer, optimizer_named
from models.nn.rows import Rows
from models.nn.schedules import SCHEDULES, constant
from models.nn.training import Callback, EarlyStopping, Training
from models.presets import PRESETS, NetworkSettings

MAX_INPUT = 1e15
"""No input may be larger in absolute value: the square of a sum of 10,000 of them is still a float32 number."""


class BackpropEstimator(BaseEstimator):  # type: ignore[misc]
    """Base of the estimators: the parameters of the network and of its training, and the training itself.

    The classifier and the regressor have a `preset` beside these parameters: what is None is as the preset has it.

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
    input_scale_rate : learning rate of the inputs' scales as a multiple of `learning_rate`, 0 for no scales; see
        `nn.input_scales`. A warm start and `partial_fit` move the weights alone.
    batch_size : rows a step; "auto" takes a 64th of the rows, at least 16 and at most 256.
    max_epochs : most passes over the training rows.
    early_stopping : watch the loss on validation rows, stop when it has not improved for `patience` epochs, and keep
        the best epoch's weights. Data that would leave fewer than 10 validation rows, or none of any weight, are
        trained without.
    validation_fraction : share of the rows split off for that, where `fit` is given no validation data.
    n_folds : 1 for that one split. With more, the rows are divided into as many folds, and for each of them `n_members`
        networks are trained on the rows outside and stopped by those inside; all are averaged. So each row serves both
        ends. Data too small for two folds of 10 rows, some of them of weight, are trained without validation rows.
    patience : see `early_stopping`.
    warm_start : `fit` continues from the present weights instead of new ones; what else was learned from the first rows
        (classes, units of the target) stays. With `early_stopping` the weights at the start are a candidate too.
    callbacks : called with an `nn.training.Epoch` after each epoch; returning True stops the training.
    random_state : seed of weights, order, dropout and validation split. Equal seeds give equal bits.

    Attributes
    ----------
    network_ : the trained `nn.network.Network`.
    training_curve_, validation_curve_ : loss after each epoch, the mean over the folds; the latter is empty without
        validation rows.
    n_folds_ : folds that the last training made, 1 for none.
    held_out_sums_ : for each training row the averaged last sums of the networks whose fold it is in, shape (n_rows,
        n_outputs); only with folds.
    n_epochs_ : epochs trained. best_epoch_ : the one whose weights were kept, counted from 1; 0 for those of a warm
        start that no epoch improved.
    n_features_in_ : columns of X.
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
        "network_": "network",
        "n_features_in_": "int",
        "n_folds_": "int?",
        "n_epochs_": "int",
        "best_epoch_": "int",
        "training_curve_": "float[]",
        "validation_curve_": "float[]",
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
        """The parameters that a preset stands for, where they are not given themselves."""
        given = {name: getattr(self, name) for name in NetworkSettings.names}
        of_preset = PRESETS[self.preset].network if hasattr(self, "preset") else {}
        return NetworkSettings(**{**of_preset, **{name: value for name, value in given.items() if value is not None}})

    @property
    def _continues(self) -> bool:
        """Whether `fit` starts from the present weights."""
        return bool(self.warm_start) and hasattr(self, "network_")

    def _train(
        self,
        rows: Rows,
        validation: Rows | None,
        *,
        labels: npt.NDArray[np.intp] | None = None,
        groups: FeatureGroups | None = None,
        loss: Loss,
        output: str,
        rng: np.random.Generator,
    ) -> None:
        """Train on these rows: a new network, one for each fold, or the present one if `fit` continues.

        Parameters
        ----------
        validation : None to hold out some of the rows.
        labels : class of each row, None for no classes.
        groups : the features' coarser view that every second fold trains on, None for no such view.
        """
        if hasattr(self, "held_out_sums_"):
            del self.held_out_sums_
        self.n_folds_ = 1
        if validation is None and self.settings.n_folds > 1 and not self._continues:
            seed = int(rng.integers(2**31))
            if folds := fold_rows(len(rows), labels, rows.weights, n_folds=self.settings.n_folds, seed=seed):
                self._train_folds(rows, folds, groups, loss=loss, output=output, rng=rng)
                return
        elif validation is None:
            rows, validation = self._hold_out(rows, labels, rng)
        if self._continues:
            self._refuse_another_shape()
            self._own_weights()
        else:
            self.network_ = self._new_network(rows, output=output, rng=rng)
        self._optimizer, self._generator = self._new_optimizer(), rng
        self._keep_curves(self._train_network(self.network_, rows, validation, loss=loss))

    def _train_folds(
        self,
        rows: Rows,
        folds: Sequence[Fold],
        groups: FeatureGroups | None,
        *,
        loss: Loss,
        output: str,
        rng: np.random.Generator,
    ) -> None:
        """Train a network for each fold and join them."""
        grouped = None if groups is None else Rows(groups.merged(rows.inputs), rows.targets, rows.weights)
        self.n_folds_ = len(folds)
        self.held_out_sums_: Array = np.empty(rows.targets.shape)
        networks, first_weights, of_folds = [], [], []
        for number, (training, held_out) in enumerate(folds):
            seen = grouped if grouped is not None and number % 2 == 0 else rows
            view = groups if seen is grouped else None
            network = self._new_network(seen, output=output, rng=rng, groups=view)
            self._optimizer, self._generator = self._new_optimizer(), rng
            of_folds.append(self._train_network(network, seen.subset(training), seen.subset(held_out), loss=loss))
            self.held_out_sums_[held_out] = network.mean_sums(seen.inputs[held_out])
            networks.append(network)
            weights = network.layers[0].weights
            first_weights.append(weights if view is None else view.spread(weights))
        del self._optimizer  # its moments are those of the last fold's network
        self.network_ = Network.joined(networks, first_weights=first_weights, directions=self._directions())
        self._keep_curves(mean_curves(of_folds))

    def _keep_curves(self, of_training: Curves) -> None:
        self.n_epochs_, self.best_epoch_ = of_training.n_epochs, of_training.best_epoch
        self.training_curve_, self.validation_curve_ = of_training.training, of_training.validation

    def _new_network(
        self, rows: Rows, *, output: str, rng: np.random.Generator, groups: FeatureGroups | None = None
    ) -> Network:
        """An untrained network for rows of this width, whose columns may be `groups` of features."""
        hidden, directions = np.atleast_1d(self.settings.hidden_layer_sizes).tolist(), self._directions()
        if directions is not None and groups is not None:
            directions = [directions[start] for start in groups.starts]
        return Network(
            (rows.inputs.shape[1], *hidden, rows.targets.shape[1]),
            hidden_activation=self.settings.activation if directions is None else "monotone",
            output_activation=output,
            n_members=self.settings.n_members,
            dropout=self.settings.dropout,
            directions=directions,
            rng=rng,
        )

    def _directions(self) -> list[int] | None:
        """`monotonic_cst` of the estimators that have it, for each feature; None if it says nothing."""
        directions = _check_monotonic_cst(self, getattr(self, "monotonic_cst", None))
        return directions.tolist() if directions.any() else None

    def _new_optimizer(self) -> Optimizer:
        return optimizer_named(self.optimizer, momentum=self.momentum)

    def _training(
        self, network: Network, rows: Rows, *, loss: Loss, schedule: str, input_scales: InputScales | None = None
    ) -> Training:
        """The training loop for this network, with the present optimizer and random numbers."""
        return Training(
            network,
            loss=loss,
            optimizer=self._optimizer,
            learning_rate=self.settings.learning_rate,
            schedule=SCHEDULES[schedule],
            batch_size=min(max(len(rows) // 64, 16), 256) if self.batch_size == "auto" else int(self.batch_size),
            weight_decay=self.settings.weight_decay,
            input_scales=input_scales,
            rng=self._generator,
        )

    def _train_network(self, network: Network, rows: Rows, validation: Rows | None, *, loss: Loss) -> Curves:
        """Train a network for up to `max_epochs` and keep its best epoch."""
        scales, settings = None, self.settings
        if settings.input_scale_rate and not self._continues:
            scales = InputScales(network, self._new_optimizer(), rate=settings.input_scale_rate)
        training = self._training(network, rows, loss=loss, schedule=settings.schedule, input_scales=scales)
        callbacks = list(self.callbacks or ())
        stopping = None
        # The products are small: a second BLAS thread gains nothing, and waiting for it costs much on a busy machine.
        # A sum that overflows is no reason for a warning: what it leads to is an error below
        with threadpool_limits(limits=1, user_api="blas"), np.errstate(over="ignore", invalid="ignore"):
            if validation is not None:
                start_loss = mean_loss(network, validation, loss) if self._continues else np.inf
                stopping = EarlyStopping(network, patience=settings.patience, start_loss=start_loss)
            epochs = training.epochs(
                rows,
                n_epochs=settings.max_epochs,
                validation=validation,
                callbacks=[stopping, *callbacks] if stopping else callbacks,
            )
        if stopping:
            stopping.restore()
        self._refuse_divergence(network, rows)
        return curves(epochs, stopping.best_epoch if stopping else len(epochs))

    def _train_once(self, rows: Rows, *, loss: Loss, output: str) -> None:
        """One pass over the rows from the present weights, or from new ones if there are none.

        The optimizer and the random numbers go on where the last training in this process left them. The rate is
        `learning_rate` throughout: a stream has no end that a schedule could lead to.
        """
        if not hasattr(self, "_optimizer"):  # the first call, or the first one after loading
            self._optimizer, self._generator = self._new_optimizer(), self._rng()
        if hasattr(self, "network_"):
            self._refuse_another_shape()
            self._own_weights()
            network = self.network_
        else:
            network = self._new_network(rows, output=output, rng=self._generator)
            self.training_curve_, self.validation_curve_ = [], []
        before = network.parameters.copy()
        training = self._training(network, rows, loss=loss, schedule=constant.__name__)
        with threadpool_limits(limits=1, user_api="blas"), np.errstate(over="ignore", invalid="ignore"):
            (epoch,) = training.epochs(rows, n_epochs=1, callbacks=list(self.callbacks or ()))
        try:
            self._refuse_divergence(network, rows)
        except ValueError:
            network.parameters[...] = before
            del self._optimizer, self._generator  # its moments are infinite too
            raise
        self.network_ = network
        self.training_curve_.append(epoch.training_loss)
        self.n_epochs_ = self.best_epoch_ = len(self.training_curve_)

    def _refuse_another_shape(self) -> None:
        """Weights can be continued only in a network of the same shape."""
        network, settings = self.network_, self.settings
        hidden, n_members = np.atleast_1d(settings.hidden_layer_sizes).tolist(), settings.n_members
        if network.n_members in range(n_members, n_members * settings.n_folds + 1, n_members):  # those of all folds
            n_members = network.n_members
        found = {
            "hidden_layer_sizes": [layer.n_outputs for layer in network.layers[:-1]],
            "n_members": network.n_members,
            "monotonic_cst": None if network.directions is None else network.directions.tolist(),
        }
        wanted = {"hidden_layer_sizes": hidden, "n_members": n_members, "monotonic_cst": self._directions()}
        for name, asked in wanted.items():
            if found[name] != asked:
                raise ValueError(
                    f"{name}={asked} was asked for, but the weights to continue from have {found[name]}; "
                    f"keep {name}, or start anew with fit and warm_start=False"
                )

    def _refuse_divergence(self, network: Network, rows: Rows) -> None:
        if not np.isfinite(network.parameters).all():
            largest = np.abs(rows.inputs).max(axis=0)
            column = int(largest.argmax())
            raise ValueError(
                f"training diverged: weights became infinite or NaN; scale the inputs (column "
                f"{self._column_name(column)} reaches {largest[column]:.3g}) or lower "
                f"learning_rate={self.settings.learning_rate}"
            )

    def _column_name(self, column: int) -> str:
        names = getattr(self, "feature_names_in_", None)
        return str(column) if names is None else repr(str(names[column]))

    def _hold_out(
        self, rows: Rows, labels: npt.NDArray[Any] | None, rng: np.random.Generator
    ) -> tuple[Rows, Rows | None]:
        """The training and the validation rows; None for the latter if there are to be none, or too few rows."""
        seed = int(rng.integers(2**31))
        fold = split_off(len(rows), labels, rows.weights, fraction=self.validation_fraction, seed=seed)
        if fold is None or not self.early_stopping:
            return rows, None
        training, held_out = fold
        return rows.subset(training), rows.subset(held_out)

    def _checked(self, X: Any, y: Any = "no_validation", **checks: Any) -> Any:
        """X as float32, and y, checked by `validate_data`; ValueError names the first cell of X out of range."""
        # What overflows is named below; in y, by its reader
        with np.errstate(over="ignore", invalid="ignore"):
            checked = validate_data(self, X, y, dtype=np.float32, order="C", ensure_all_finite=False, **checks)
        rows = checked[0] if isinstance(checked, tuple) else checked
        # NaN makes both comparisons false
        if not (rows.min() >= -MAX_INPUT and rows.max() <= MAX_INPUT):
            row, column = np.argwhere(~(np.abs(rows) <= MAX_INPUT))[0].tolist()
            value = X.iloc[row, column] if hasattr(X, "iloc") else np.asarray(X)[row, column]
            found = "NaN" if np.isnan(rows[row, column]) else "infinity or a value too large"
            raise ValueError(
                f"Input X contains {found}: row {row} (counted from 0), column {self._column_name(column)} holds "
                f"{value}; it must be a number from {-MAX_INPUT:g} to {MAX_INPUT:g} (TableEncoder takes gaps "
                f"and numbers of any size)"
            )
        return checked

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a network: a first `partial_fit` that was refused leaves none, only what it saw of X."""
        return hasattr(self, "network_")

    def __getstate__(self) -> dict[str, Any]:
        """Everything but what continues a training in this process: a loaded network starts with a fresh optimizer."""
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name not in ("_optimizer", "_generator")}

    def check_restored(self) -> None:
        """ValueError unless the parameters are allowed and the network has as many inputs as features were seen."""
        self.callbacks = None
        self._validate_params()
        if (n_inputs := self.network_.layers[0].n_inputs) != self.n_features_in_:
            raise ValueError(f"the network has {n_inputs} inputs for {self.n_features_in_} features")

    def _own_weights(self) -> None:
        """Continue in a copy if the weights are those of a stored model, which other processes share."""
        if not self.network_.parameters.flags.writeable:
            self.network_ = self.network_.copy()

    def _rng(self) -> np.random.Generator:
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        return np.random.default_rng(seed)

    def _sums(self, X: Any) -> Array:
        """The members' averaged last sums for unchecked rows, float64 of shape (n_rows, n_outputs)."""
        return self._sums_of(self._checked(X, reset=False))

    def _sums_of(self, X: Array) -> Array:
        """The same for float32 rows that have been checked."""
        return self.network_.mean_sums(X).astype(np.float64)


def weight_column(sample_weight: Any, X: Array) -> Array | None:
    """Row weights as a column with mean 1, None if all count the same."""
    if sample_weight is None:
        return None
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if (largest := weights.max()) <= 0:
        raise ValueError("sample_weight must be positive for at least one row")
    weights = weights / largest  # their sum must stay finite
    scaled: Array = (weights / weights.mean()).astype(np.float32)[:, None]
    return scaled
