"""BackpropRegressor: a network that predicts a number, as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from models.estimators.base import BackpropEstimator
from models.estimators.checks import MAX_INPUT, checked_rows, weight_column
from models.estimators.classifier import _with_preset
from models.nn.arrays import Array
from models.nn.losses import SQUARED_ERROR, Loss, pinball
from models.nn.rows import Rows
from models.nn.training import Callback
from models.presets import PresetName


class BackpropRegressor(RegressorMixin, BackpropEstimator):  # type: ignore[misc]
    """A neural network that predicts a number: its mean, or quantiles.

    Parameters
    ----------
    preset : see `BackpropClassifier`.
    loss : "squared_error" (the mean) or "pinball" (the `quantile`).
    quantile : between 0 and 1, for "pinball".
    quantiles : for "pinball", several instead of one, each with an output of its own, see `quantiles_of`.
    monotonic_cst : where the prediction may only rise (1) or fall (-1) with a feature; see `BackpropClassifier`. All
        others: see `BackpropEstimator`.
    """

    stored_as: ClassVar[str] = "regressor"
    stored_fields: ClassVar[Mapping[str, str]] = {
        **BackpropEstimator.stored_fields,
        "preset": "text",
        "loss": "text",
        "quantile": "float",
        "quantiles": "float[]?",
        "monotonic_cst": "int8[inputs]?",
        "target_mean_": "float",
        "target_scale_": "float",
    }
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **_with_preset(BackpropEstimator._parameter_constraints),
        "loss": [StrOptions({"squared_error", "pinball"})],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
        "quantiles": ["array-like", None],
        "monotonic_cst": ["array-like", dict, None],
    }

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] | None = None,
        *,
        activation: str | None = None,
        n_members: int | None = None,
        dropout: float | None = None,
        optimizer: str = "adamw",
        learning_rate: float | None = None,
        schedule: str | None = None,
        momentum: float = 0.9,
        weight_decay: float | None = None,
        input_scale_rate: float | None = None,
        batch_size: int | str = "auto",
        max_epochs: int | None = None,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_folds: int | None = None,
        patience: int | None = None,
        warm_start: bool = False,
        callbacks: Sequence[Callback] | None = None,
        random_state: Any = None,
        preset: PresetName = "balanced",
        loss: str = "squared_error",
        quantile: float = 0.5,
        quantiles: Sequence[float] | None = None,
        monotonic_cst: Any = None,
    ) -> None:
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            n_members=n_members,
            dropout=dropout,
            optimizer=optimizer,
            learning_rate=learning_rate,
            schedule=schedule,
            momentum=momentum,
            weight_decay=weight_decay,
            input_scale_rate=input_scale_rate,
            batch_size=batch_size,
            max_epochs=max_epochs,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_folds=n_folds,
            patience=patience,
            warm_start=warm_start,
            callbacks=callbacks,
            random_state=random_state,
        )
        self.preset = preset
        self.loss = loss
        self.quantile = quantile
        self.quantiles = quantiles
        self.monotonic_cst = monotonic_cst

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: tuple[Any, ...] | None = None
    ) -> BackpropRegressor:
        """Train on X of shape (n_rows, n_features) and numbers y; `validation_data` as for the classifier."""
        self._validate_params()
        X, y = checked_rows(self, X, y, y_numeric=True, reset=not self._continues, ensure_min_samples=2)
        if not self._continues:
            self._fit_scale(y)
        rng = self._rng()
        rows = Rows(X, self._targets(y), weight_column(sample_weight, X))
        validation = None
        if validation_data is not None:
            validation = self._validation_rows(*validation_data)
        self._train(rows, validation, loss=self._loss(), output="identity", rng=rng)
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> BackpropRegressor:
        """One pass over the given rows, in batches, from the current weights; see `BackpropClassifier.partial_fit`.

        The target is standardised by the mean and standard deviation of the first call, which should therefore have
        enough rows to estimate them.
        """
        self._validate_params()
        is_first = not hasattr(self, "network_")
        X, y = checked_rows(self, X, y, y_numeric=True, reset=is_first)
        weights = weight_column(sample_weight, X)
        if is_first:
            self._fit_scale(y)
        self._train_once(Rows(X, self._targets(y), weights), loss=self._loss(), output="identity")
        return self

    def _validation_rows(self, X: Any, y: Any, sample_weight: Any = None) -> Rows:
        X, y = checked_rows(self, X, y, y_numeric=True, reset=False)
        return Rows(X, self._targets(y), weight_column(sample_weight, X))

    def _loss(self) -> Loss:
        return SQUARED_ERROR if self.loss == "squared_error" else pinball(*(self.quantiles or [self.quantile]))

    def _fit_scale(self, y: Array) -> None:
        """Mean and standard deviation of the target: standardised, it suits one learning rate in any unit."""
        y = np.asarray(y, np.float64)
        largest = _largest_target(y) or 1.0
        shares = y / largest  # their squares must stay finite
        self.target_mean_, self.target_scale_ = float(shares.mean() * largest), float(shares.std() * largest) or 1.0

    def _targets(self, y: Array) -> Array:
        y = np.asarray(y, np.float64)
        _largest_target(y)
        scaled = np.clip((y - self.target_mean_) / self.target_scale_, -MAX_INPUT, MAX_INPUT)
        n_outputs = len(self.quantiles) if self.quantiles and self.loss == "pinball" else 1
        targets: Array = np.repeat(scaled.astype(np.float32)[:, None], n_outputs, axis=1)
        return targets

    def predict(self, X: Any) -> Array:
        """The predicted number of each row, shape (n_rows,); with several quantiles the middle one."""
        check_is_fitted(self)
        if self.quantiles:
            middle: Array = self.quantiles_of(checked_rows(self, X, reset=False))[:, len(self.quantiles) // 2]
            return middle
        predictions: Array = self._sums(X)[:, 0] * self.target_scale_ + self.target_mean_
        return predictions

    def quantiles_of(self, X: Array) -> Array:
        """The quantiles of checked float32 rows, shape (n_rows, n_quantiles); they may cross."""
        quantiles: Array = self._sums_of(X) * self.target_scale_ + self.target_mean_
        return quantiles


MAX_TARGET = 1e300
"""Maximum absolute value of a target; leaves room for predictions beyond it in float64."""


def _largest_target(y: Array) -> float:
    """The largest absolute value; ValueError names the row if it is beyond MAX_TARGET."""
    row = int(np.abs(y).argmax())
    if abs(y[row]) > MAX_TARGET:
        raise ValueError(
            f"y holds {y[row]} in row {row} (counted from 0); it must be a number from {-MAX_TARGET:g} to "
            f"{MAX_TARGET:g}"
        )
    return float(abs(y[row]))
