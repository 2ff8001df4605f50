"""The backpropagation network as scikit-learn estimators.

The parameters that all three share are described at `BackpropEstimator`. scikit-learn wants every parameter in the
constructor's own signature, so they stand here once more; a test keeps their defaults equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin, OutlierMixin, RegressorMixin
from sklearn.utils import compute_sample_weight
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from models.backprop import BackpropEstimator, weight_column
from models.nn.arrays import Array
from models.nn.losses import BINARY_LOG_LOSS, MULTICLASS_LOG_LOSS, SQUARED_ERROR, pinball
from models.nn.training import Callback, Rows


class BackpropClassifier(ClassifierMixin, BackpropEstimator):  # type: ignore[misc]
    """A neural network that learns class probabilities by backpropagation of the log-loss.

    Two classes use one sigmoid output, more a softmax. The members of an ensemble average their log-odds.

    Parameters
    ----------
    class_weight : None, "balanced", or a weight for each class. Probabilities then are those of the re-weighted
        classes. All others: see `BackpropEstimator`.

    Attributes
    ----------
    classes_ : the labels, in the order of the columns of `predict_proba`. All others: see `BackpropEstimator`.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BackpropEstimator._parameter_constraints,
        "class_weight": [None, dict, StrOptions({"balanced"})],
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
        class_weight: Mapping[Any, float] | str | None = None,
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
            batch_size=batch_size,
            max_epochs=max_epochs,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            patience=patience,
            callbacks=callbacks,
            random_state=random_state,
        )
        self.class_weight = class_weight

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: tuple[Any, Any] | None = None
    ) -> BackpropClassifier:
        """Train on X of shape (n_rows, n_features) and labels y.

        `validation_data` (X, y) takes the place of the validation rows that would be split off. Raises ValueError for
        NaN, infinite values, fewer than two classes, and validation labels that y lacks.
        """
        self._validate_params()
        X, y = validate_data(self, X, y, dtype=np.float32, ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y must hold at least two classes, got 1 class: {self.classes_[0]!r}")
        if self.class_weight is not None:
            by_class = compute_sample_weight(self.class_weight, y)
            sample_weight = by_class if sample_weight is None else by_class * np.asarray(sample_weight)
        rng = self._rng()
        rows = Rows(X, self._targets(codes), weight_column(sample_weight, X))
        if validation_data is not None:
            validation: Rows | None = self._validation_rows(*validation_data)
        else:
            rows, validation = self._hold_out(rows, codes, rng)
        binary = len(self.classes_) == 2
        self._train(
            rows,
            validation,
            loss=BINARY_LOG_LOSS if binary else MULTICLASS_LOG_LOSS,
            output="sigmoid" if binary else "softmax",
            rng=rng,
        )
        return self

    def _targets(self, codes: npt.NDArray[Any]) -> Array:
        """0/1 for two classes, one-hot for more."""
        if len(self.classes_) == 2:
            return codes.astype(np.float32)[:, None]
        one_hot: Array = np.eye(len(self.classes_), dtype=np.float32)[codes]
        return one_hot

    def _validation_rows(self, X: Any, y: Any) -> Rows:
        X = validate_data(self, X, reset=False, dtype=np.float32)
        y = np.asarray(y)
        if unknown := set(np.unique(y)) - set(self.classes_):
            raise ValueError(
                f"validation labels {sorted(unknown)} do not occur in y, which holds {list(self.classes_)}"
            )
        return Rows(X, self._targets(np.searchsorted(self.classes_, y)))

    def decision_function(self, X: Any) -> Array:
        """Log-odds of the second class, shape (n_rows,); for more classes log-probabilities up to a constant."""
        check_is_fitted(self)
        sums = self._sums(X)
        return sums[:, 0] if len(self.classes_) == 2 else sums

    def predict_proba(self, X: Any) -> Array:
        """Probability of each class, shape (n_rows, n_classes)."""
        sums = self.decision_function(X)
        if sums.ndim == 1:
            sums = np.stack([np.zeros_like(sums), sums], axis=1)
        exponentials = np.exp(sums - sums.max(axis=1, keepdims=True))
        probabilities: Array = exponentials / exponentials.sum(axis=1, keepdims=True)
        return probabilities

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable class of each row."""
        most_probable = self.predict_proba(X).argmax(axis=1)
        labels: npt.NDArray[Any] = self.classes_[most_probable]
        return labels


class BackpropRegressor(RegressorMixin, BackpropEstimator):  # type: ignore[misc]
    """A neural network that learns a number: its mean, or a quantile of it.

    Parameters
    ----------
    loss : "squared_error" (the mean) or "pinball" (the `quantile`).
    quantile : between 0 and 1, for "pinball". All others: see `BackpropEstimator`.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BackpropEstimator._parameter_constraints,
        "loss": [StrOptions({"squared_error", "pinball"})],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
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
        loss: str = "squared_error",
        quantile: float = 0.5,
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
            batch_size=batch_size,
            max_epochs=max_epochs,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            patience=patience,
            callbacks=callbacks,
            random_state=random_state,
        )
        self.loss = loss
        self.quantile = quantile

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: tuple[Any, Any] | None = None
    ) -> BackpropRegressor:
        """Train on X of shape (n_rows, n_features) and numbers y; `validation_data` as for the classifier."""
        self._validate_params()
        X, y = validate_data(self, X, y, dtype=np.float32, y_numeric=True, ensure_min_samples=2)
        y = np.asarray(y, np.float64)
        # The network learns the target in units of its own spread, so that the learning rate suits any unit
        self.target_mean_, self.target_scale_ = float(y.mean()), float(y.std()) or 1.0
        rng = self._rng()
        rows = Rows(X, self._targets(y), weight_column(sample_weight, X))
        if validation_data is not None:
            X_validation = validate_data(self, validation_data[0], reset=False, dtype=np.float32)
            validation: Rows | None = Rows(X_validation, self._targets(np.asarray(validation_data[1], np.float64)))
        else:
            rows, validation = self._hold_out(rows, None, rng)
        loss = SQUARED_ERROR if self.loss == "squared_error" else pinball(self.quantile)
        self._train(rows, validation, loss=loss, output="identity", rng=rng)
        return self

    def _targets(self, y: Array) -> Array:
        targets: Array = ((y - self.target_mean_) / self.target_scale_).astype(np.float32)[:, None]
        return targets

    def predict(self, X: Any) -> Array:
        """The predicted number of each row, shape (n_rows,)."""
        check_is_fitted(self)
        predictions: Array = self._sums(X)[:, 0] * self.target_scale_ + self.target_mean_
        return predictions


class BackpropAutoencoder(OutlierMixin, BackpropEstimator):  # type: ignore[misc]
    """An outlier detector: a network that learns to give back what it is given, through a narrow middle.

    What resembles the training rows comes back well; what does not, badly. The anomaly score of a row is its mean
    squared reconstruction error over columns scaled to unit variance.

    Parameters
    ----------
    hidden_layer_sizes : the narrowest one is the middle.
    contamination : share of the training rows beyond the threshold of `predict`, 0 < contamination <= 0.5. All others:
        see `BackpropEstimator`.

    Attributes
    ----------
    offset_ : `score_samples` below it is an outlier. All others: see `BackpropEstimator`.
    """

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
        batch_size: int | str = "auto",
        max_epochs: int = 200,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        patience: int = 15,
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
            batch_size=batch_size,
            max_epochs=max_epochs,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            patience=patience,
            callbacks=callbacks,
            random_state=random_state,
        )
        self.contamination = contamination

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> BackpropAutoencoder:
        """Train on X of shape (n_rows, n_features), best on rows that are not anomalous; `y` is not used."""
        self._validate_params()
        X = validate_data(self, X, dtype=np.float32, ensure_min_samples=2)
        self.means_ = X.mean(axis=0, dtype=np.float64).astype(np.float32)
        deviations = X.std(axis=0, dtype=np.float64)
        self.scales_ = np.where(deviations > 0, 1 / np.where(deviations > 0, deviations, 1), 0).astype(np.float32)
        scaled = self._scaled(X)
        rng = self._rng()
        rows, validation = self._hold_out(Rows(scaled, scaled, weight_column(sample_weight, X)), None, rng)
        self._train(rows, validation, loss=SQUARED_ERROR, output="identity", rng=rng)
        self.offset_ = float(np.quantile(self.score_samples(X), self.contamination))
        return self

    def _scaled(self, X: Array) -> Array:
        scaled: Array = (X - self.means_) * self.scales_
        return scaled

    def anomaly_score(self, X: Any) -> Array:
        """Mean squared reconstruction error, shape (n_rows,): at least 0, higher is more anomalous."""
        check_is_fitted(self)
        return self.reconstruction_errors(validate_data(self, X, reset=False, dtype=np.float32))

    def reconstruction_errors(self, X: Array) -> Array:
        """The anomaly score of float32 rows that need no more checks, as an encoder gives them."""
        scaled = self._scaled(X)
        missed = self._sums_of(scaled) - scaled
        errors: Array = np.einsum("ij,ij->i", missed, missed) / missed.shape[1]
        return errors

    def score_samples(self, X: Any) -> Array:
        """The negative anomaly score: higher is more normal, as scikit-learn's outlier detectors have it."""
        return -self.anomaly_score(X)

    def decision_function(self, X: Any) -> Array:
        """`score_samples` measured from the threshold: negative for outliers."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """1 for rows like the training rows, -1 for outliers."""
        return np.where(self.decision_function(X) < 0, -1, 1)
