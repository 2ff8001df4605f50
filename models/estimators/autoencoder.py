"""BackpropAutoencoder: outlier detection by reconstruction error, as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import OutlierMixin
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from models.estimators.base import BackpropEstimator
from models.estimators.checks import MAX_INPUT, checked_rows, weight_column
from models.nn.arrays import Array
from models.nn.losses import SQUARED_ERROR
from models.nn.rows import Rows
from models.nn.training import Callback

ROWS_AT_ONCE = 1024
"""Rows that are reconstructed at once; bounds the memory of the errors, which is twice that of the rows."""


class BackpropAutoencoder(OutlierMixin, BackpropEstimator):  # type: ignore[misc]
    """An outlier detector: a network that reconstructs its input through a bottleneck.

    Rows like the training rows are reconstructed well, others badly. The anomaly score of a row is its mean squared
    reconstruction error over columns scaled to unit variance.

    Parameters
    ----------
    hidden_layer_sizes : the narrowest layer is the bottleneck.
    contamination : share of the training rows beyond the threshold of `predict`, 0 < contamination <= 0.5. All others:
        see `BackpropEstimator`.

    Attributes
    ----------
    offset_ : rows with `score_samples` below it are outliers. All others: see `BackpropEstimator`.
    """

    stored_as: ClassVar[str] = "autoencoder"
    stored_fields: ClassVar[Mapping[str, str]] = {
        **BackpropEstimator.stored_fields,
        "contamination": "float",
        "means_": "float32[features]",
        "scales_": "float32[features]",
        "offset_": "float",
    }
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BackpropEstimator._parameter_constraints,
        "contamination": [Interval(Real, 0, 0.5, closed="right")],
    }

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (64, 8, 64),
        *,
        activation: str = "relu",
        n_members: int = 1,
        dropout: float = 0.0,
        optimizer: str = "adamw",
        learning_rate: float = 1e-3,
        schedule: str = "constant",
        momentum: float = 0.9,
        weight_decay: float = 1e-2,
        input_scale_rate: float = 0.0,
        batch_size: int | str = "auto",
        max_epochs: int = 200,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_folds: int = 1,
        patience: int = 15,
        warm_start: bool = False,
        callbacks: Sequence[Callback] | None = None,
        random_state: Any = None,
        contamination: float = 0.01,
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
        self.contamination = contamination

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> BackpropAutoencoder:
        """Train on X of shape (n_rows, n_features), ideally without anomalies; `y` is not used."""
        self._validate_params()
        X = checked_rows(self, X, reset=not self._continues, ensure_min_samples=2)
        if not self._continues:
            self._fit_scales(X)
        scaled = self._scaled(X)
        rng = self._rng()
        rows = Rows(scaled, scaled, weight_column(sample_weight, X))
        self._train(rows, None, loss=SQUARED_ERROR, output="identity", rng=rng)
        self.offset_ = float(np.quantile(self.score_samples(X), self.contamination))
        return self

    def check_restored(self) -> None:
        """See `BackpropEstimator`; also ValueError unless it has as many outputs as inputs."""
        super().check_restored()
        shape = [len(self.means_), self.network_.layers[-1].n_outputs]
        if shape != 2 * [self.n_features_in_]:
            raise ValueError(f"means and outputs must be those of {self.n_features_in_} features, got {shape}")

    def _fit_scales(self, X: Array) -> None:
        """The mean and the inverse standard deviation of each column; 0 for a constant one, which is thus ignored."""
        self.means_ = X.mean(axis=0, dtype=np.float64).astype(np.float32)
        deviations = X.std(axis=0, dtype=np.float64)
        varies = deviations > 1 / MAX_INPUT
        self.scales_ = np.where(varies, 1 / np.where(varies, deviations, 1), 0).astype(np.float32)

    def _scaled(self, X: Array) -> Array:
        scaled: Array = (X - self.means_) * self.scales_
        np.minimum(scaled, MAX_INPUT, out=scaled)
        np.maximum(scaled, -MAX_INPUT, out=scaled)
        return scaled

    def anomaly_score(self, X: Any) -> Array:
        """Mean squared reconstruction error, shape (n_rows,): at least 0, higher is more anomalous."""
        check_is_fitted(self)
        return self.reconstruction_errors(checked_rows(self, X, reset=False))

    def reconstruction_errors(self, X: Array) -> Array:
        """The anomaly score of float32 rows without further checks, such as encoded ones.

        Equal rows get equal bits, alone or in a batch.
        """
        pieces = range(0, len(X), ROWS_AT_ONCE)
        errors = [self._errors_of(X[start : start + ROWS_AT_ONCE]) for start in pieces]
        return np.concatenate(errors) if len(errors) != 1 else errors[0]

    def _errors_of(self, X: Array) -> Array:
        scaled = self._scaled(X)
        missed = self._sums_of(scaled) - scaled
        np.square(missed, out=missed)
        errors: Array = missed.sum(axis=1) / missed.shape[1]
        return errors

    def score_samples(self, X: Any) -> Array:
        """The negative anomaly score: higher is more normal, as scikit-learn's outlier detectors have it."""
        return -self.anomaly_score(X)

    def decision_function(self, X: Any) -> Array:
        """`score_samples` minus the threshold: negative for outliers."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """1 for rows like the training rows, -1 for outliers."""
        return np.where(self.decision_function(X) < 0, -1, 1)
