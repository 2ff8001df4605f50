"""The base class of the estimators: training, and prediction in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_monotonic_cst
from threadpoolctl import threadpool_limits

from models.encoding.feature_groups import FeatureGroups
from models.estimators.checks import checked_rows, refuse_another_shape, refuse_divergence
from models.estimators.folds import Curves, Fold, curves, fold_rows, mean_curves, split_off
from models.estimators.parameters import BackpropParameters
from models.nn.arrays import Array
from models.nn.input_scales import InputScales
from models.nn.loss_sums import mean_loss
from models.nn.losses import Loss
from models.nn.network import Network
from models.nn.optimizers import Optimizer, optimizer_named
from models.nn.rows import Rows
from models.nn.schedules import SCHEDULES, constant
from models.nn.training import EarlyStopping, Training


class BackpropEstimator(BackpropParameters):
    """Base of the estimators: the training of a network, and its weighted sums. Parameters: see `BackpropParameters`.

    Attributes
    ----------
    network_ : the trained `nn.network.Network`.
    training_curve_, validation_curve_ : loss after each epoch, mean over the folds; the latter is empty without
        validation rows.
    n_folds_ : folds of the last training, 1 for none.
    held_out_sums_ : for each training row the mean last sums of the networks that held it out, shape (n_rows,
        n_outputs); only with folds.
    n_epochs_ : epochs trained. best_epoch_ : the one whose weights were kept, counted from 1; 0 if no epoch
        improved on a warm start.
    n_features_in_ : columns of X.
    """

    stored_fields: ClassVar[Mapping[str, str]] = {
        **BackpropParameters.stored_fields,
        "network_": "network",
        "n_features_in_": "int",
        "n_folds_": "int?",
        "n_epochs_": "int",
        "best_epoch_": "int",
        "training_curve_": "float[]",
        "validation_curve_": "float[]",
    }

    @property
    def _continues(self) -> bool:
        """Whether `fit` starts from the current weights."""
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
        """Train on these rows: a new network, one per fold, or the current one for a warm start.

        Parameters
        ----------
        validation : None to hold out some of the rows.
        labels : class of each row, for stratification; None without classes.
        groups : merged features on which every second fold trains, which makes the members more diverse; or None.
        """
        if hasattr(self, "held_out_sums_"):
            del self.held_out_sums_
        self.n_folds_ = 1
        if validation is None and self.settings.n_folds > 1 and not self._continues:
            seed = int(rng.integers(2**31))  # scikit-learn's splitters take no numpy Generator
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
        """Train a network per fold and join them to one ensemble."""
        grouped = None if groups is None else Rows(groups.merged(rows.inputs), rows.targets, rows.weights)
        self.n_folds_ = len(folds)
        self.held_out_sums_: Array = np.empty(rows.targets.shape)
        networks, first_weights, of_folds = [], [], []
        for number, (training, held_out) in enumerate(folds):
            # Members on different views of the numbers make different errors, which averaging cancels
            seen = grouped if grouped is not None and number % 2 == 0 else rows
            view = groups if seen is grouped else None
            network = self._new_network(seen, output=output, rng=rng, groups=view)
            self._optimizer, self._generator = self._new_optimizer(), rng
            of_folds.append(self._train_network(network, seen.subset(training), seen.subset(held_out), loss=loss))
            self.held_out_sums_[held_out] = network.mean_sums(seen.inputs[held_out])
            networks.append(network)
            weights = network.layers[0].weights
            first_weights.append(weights if view is None else view.spread(weights))
        del self._optimizer  # its moments belong to the last fold's network
        self.network_ = Network.joined(networks, first_weights=first_weights, directions=self._directions())
        self._keep_curves(mean_curves(of_folds))

    def _keep_curves(self, of_training: Curves) -> None:
        self.n_epochs_, self.best_epoch_ = of_training.n_epochs, of_training.best_epoch
        self.training_curve_, self.validation_curve_ = of_training.training, of_training.validation

    def _new_network(
        self, rows: Rows, *, output: str, rng: np.random.Generator, groups: FeatureGroups | None = None
    ) -> Network:
        """An untrained network for these rows, whose columns may be `groups` of features."""
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
        """`monotonic_cst` by feature, for the estimators that have it; None without constraints."""
        directions = _check_monotonic_cst(self, getattr(self, "monotonic_cst", None))
        return directions.tolist() if directions.any() else None

    def _new_optimizer(self) -> Optimizer:
        return optimizer_named(self.optimizer, momentum=self.momentum)

    def _training(
        self, network: Network, rows: Rows, *, loss: Loss, schedule: str, input_scales: InputScales | None = None
    ) -> Training:
        """The training loop for this network, with the current optimizer and random generator."""
        return Training(
            network,
            loss=loss,
            optimizer=self._optimizer,
            learning_rate=self.settings.learning_rate,
            schedule=SCHEDULES[schedule],
            # About 64 steps an epoch: small tables need small batches to be trained in `max_epochs`
            batch_size=min(max(len(rows) // 64, 16), 256) if self.batch_size == "auto" else int(self.batch_size),
            weight_decay=self.settings.weight_decay,
            input_scales=input_scales,
            rng=self._generator,
        )

    def _train_network(self, network: Network, rows: Rows, validation: Rows | None, *, loss: Loss) -> Curves:
        """Train a network for up to `max_epochs` and restore its best epoch."""
        scales, settings = None, self.settings
        if settings.input_scale_rate and not self._continues:
            # Adam's moments are per parameter, so the scales need an optimizer of their own
            scales = InputScales(network, self._new_optimizer(), rate=settings.input_scale_rate)
        training = self._training(network, rows, loss=loss, schedule=settings.schedule, input_scales=scales)
        callbacks = list(self.callbacks or ())
        stopping = None
        # The products are small: a second BLAS thread gains nothing, and waiting for it is slow on a busy machine.
        # Overflow needs no warning: the resulting divergence is an error below
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
        refuse_divergence(self, network, rows.inputs)
        return curves(epochs, stopping.best_epoch if stopping else len(epochs))

    def _train_once(self, rows: Rows, *, loss: Loss, output: str) -> None:
        """One pass over the rows from the current weights, or from new ones if there are none.

        Optimizer and random generator continue from the last training in this process. The rate is constant: a schedule
        needs a known number of steps, which a stream does not have.
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
        before = [array.copy() for array in network.arrays]
        training = self._training(network, rows, loss=loss, schedule=constant.__name__)
        with threadpool_limits(limits=1, user_api="blas"), np.errstate(over="ignore", invalid="ignore"):
            (epoch,) = training.epochs(rows, n_epochs=1, callbacks=list(self.callbacks or ()))
        try:
            refuse_divergence(self, network, rows.inputs)
        except ValueError:
            for array, kept in zip(network.arrays, before, strict=True):
                array[...] = kept
            del self._optimizer, self._generator  # its moments are not finite either
            raise
        self.network_ = network
        self.training_curve_.append(epoch.training_loss)
        self.n_epochs_ = self.best_epoch_ = len(self.training_curve_)

    def _hold_out(
        self, rows: Rows, labels: npt.NDArray[Any] | None, rng: np.random.Generator
    ) -> tuple[Rows, Rows | None]:
        """The training and the validation rows; None for the latter without early stopping, or if rows are too few."""
        seed = int(rng.integers(2**31))
        fold = split_off(len(rows), labels, rows.weights, fraction=self.validation_fraction, seed=seed)
        if fold is None or not self.early_stopping:
            return rows, None
        training, held_out = fold
        return rows.subset(training), rows.subset(held_out)

    def _refuse_another_shape(self) -> None:
        """Weights can be continued only in a network of the same shape."""
        hidden = np.atleast_1d(self.settings.hidden_layer_sizes).tolist()
        n_members, n_folds = self.settings.n_members, self.settings.n_folds
        refuse_another_shape(
            self.network_, hidden=hidden, n_members=n_members, n_folds=n_folds, directions=self._directions()
        )

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a network; attributes alone do not tell, since a refused first `partial_fit` sets some."""
        return hasattr(self, "network_")

    def __getstate__(self) -> dict[str, Any]:
        """All attributes but optimizer and generator: a loaded estimator continues with a fresh optimizer."""
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name not in ("_optimizer", "_generator")}

    def check_restored(self) -> None:
        """ValueError unless the parameters are valid and the network has an input for each feature."""
        self.callbacks = None
        self._validate_params()
        if (n_inputs := self.network_.n_inputs) != self.n_features_in_:
            raise ValueError(f"the network has {n_inputs} inputs for {self.n_features_in_} features")

    def _own_weights(self) -> None:
        """Copy the weights before training if they are read-only: those of a stored model, shared between processes."""
        if not self.network_.parameters.flags.writeable:
            self.network_ = self.network_.copy()

    def _rng(self) -> np.random.Generator:
        # random_state may also be None or a RandomState, which moves on with each draw
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        return np.random.default_rng(seed)

    def _sums(self, X: Any) -> Array:
        """The ensemble's sums for unchecked rows, float64 of shape (n_rows, n_outputs)."""
        return self._sums_of(checked_rows(self, X, reset=False))

    def _sums_of(self, X: Array) -> Array:
        """The same for float32 rows that have been checked."""
        return self.network_.mean_sums(X).astype(np.float64)
