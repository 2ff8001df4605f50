"""The backpropagation network as scikit-learn estimators.

The shared parameters are documented in `BackpropParameters`. scikit-learn reads parameters from the constructor's own
signature, so each estimator has to repeat them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_sample_weight
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from models.encoding.feature_groups import FeatureGroups
from models.estimators.base import BackpropEstimator
from models.estimators.calibration import probability
from models.estimators.checks import checked_rows, weight_column
from models.nn.arrays import Array
from models.nn.losses import BINARY_LOG_LOSS, MULTICLASS_LOG_LOSS, Loss
from models.nn.rows import Rows
from models.nn.training import Callback
from models.presets import PRESETS, NetworkSettings, PresetName


def _with_preset(constraints: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Parameter constraints that also allow None, which stands for the preset's value."""
    left_to_preset = {name: [*constraints[name], None] for name in NetworkSettings.names}
    return {**constraints, **left_to_preset, "preset": [StrOptions(set(PRESETS))]}


class BackpropClassifier(ClassifierMixin, BackpropEstimator):  # type: ignore[misc]
    """A neural network that learns class probabilities by backpropagation of the log-loss.

    Two classes use one sigmoid output, more a softmax. The members of an ensemble average their log-odds.

    Parameters
    ----------
    preset : "fast", "balanced" or "best"; see the table in `models.presets`. Parameters that are given override it.
    class_weight : None, "balanced", or a weight for each class. Probabilities are then those of the re-weighted
        classes.
    monotonic_cst : for two classes; array-like of shape (n_features,), or a dictionary by feature name: 1 where the
        probability of the second class may only rise with the feature, -1 where it may only fall, 0 for no constraint.
        Guaranteed for all inputs; the hidden units then have the activation of `nn.monotone` instead of `activation`.
        All others: see `BackpropEstimator`.

    Attributes
    ----------
    classes_ : the labels, in the order of the columns of `predict_proba`. All others: see `BackpropEstimator`.
    """

    stored_as: ClassVar[str] = "classifier"
    stored_fields: ClassVar[Mapping[str, str]] = {
        **BackpropEstimator.stored_fields,
        "preset": "text",
        "class_weight": "text?",
        "monotonic_cst": "int8[inputs]?",
        "classes_": "int64[classes]",
    }
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **_with_preset(BackpropEstimator._parameter_constraints),
        "class_weight": [None, dict, StrOptions({"balanced"})],
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
        class_weight: Mapping[Any, float] | str | None = None,
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
        self.class_weight = class_weight
        self.monotonic_cst = monotonic_cst

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        validation_data: tuple[Any, ...] | None = None,
        groups: FeatureGroups | None = None,
    ) -> BackpropClassifier:
        """Train on X of shape (n_rows, n_features) and labels y.

        `validation_data`, (X, y) or (X, y, sample_weight), replaces the validation rows that would be held out, and
        folds. `groups` are merged features, on which every second fold trains, so that the networks differ more. Raises
        ValueError for NaN, infinite values, fewer than two classes, and validation labels that y lacks.
        """
        self._validate_params()
        X, y = checked_rows(self, X, y, reset=not self._continues, ensure_min_samples=2)
        check_classification_targets(y)
        present = np.unique(y)
        if len(present) < 2:
            raise ValueError(f"y must hold at least two classes, got 1 class: {present.tolist()[0]!r}")
        if not self._continues:
            self.classes_ = present
        codes = self._codes(y, "y")
        rng = self._rng()
        rows = Rows(X, self._targets(codes), weight_column(self._with_class_weight(sample_weight, y), X))
        validation = None if validation_data is None else self._validation_rows(*validation_data)
        loss, output = self._loss_and_output()
        self._train(rows, validation, labels=codes, groups=groups, loss=loss, output=output, rng=rng)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> BackpropClassifier:
        """One pass over the given rows, in batches, from the current weights.

        The optimizer continues from the last `fit` or call, unless the estimator was loaded from a file since; the rate
        is `learning_rate` without `schedule`. Equal calls give equal bits.

        Parameters
        ----------
        classes : all labels that will ever occur; required in the first call, unless `fit` was called.
        sample_weight : of the rows of this call relative to each other.

        Raises ValueError for missing or other classes, labels outside them, and another number of features.
        """
        self._validate_params()
        is_first = not hasattr(self, "network_")
        if self.class_weight == "balanced":
            raise ValueError("class_weight='balanced' needs all rows at once; give partial_fit a weight for each class")
        X, y = checked_rows(self, X, y, reset=is_first)
        check_classification_targets(y)
        self._set_classes(classes, is_first=is_first)
        weights = weight_column(self._with_class_weight(sample_weight, y), X)
        loss, output = self._loss_and_output()
        self._train_once(Rows(X, self._targets(self._codes(y, "y")), weights), loss=loss, output=output)
        return self

    def check_restored(self) -> None:
        """See `BackpropEstimator`; also ValueError unless there is an output for each class, or one for two."""
        super().check_restored()
        n_classes, n_outputs = len(self.classes_), self.network_.layers[-1].n_outputs
        if n_classes < 2 or n_outputs != (1 if n_classes == 2 else n_classes):
            raise ValueError(f"the network has {n_outputs} outputs for {n_classes} classes")

    def _set_classes(self, classes: Any, *, is_first: bool) -> None:
        """Set the classes in the first `partial_fit`, and refuse others in later calls."""
        if classes is None:
            if is_first:
                raise ValueError("classes must be passed on the first call to partial_fit: all labels that will occur")
            return
        named = np.unique(classes)
        if len(named) < 2:
            raise ValueError(f"classes must hold at least two labels, got {named.tolist()}")
        if is_first:
            self.classes_ = named
        elif not np.array_equal(named, self.classes_):
            raise ValueError(f"classes={named.tolist()} differ from those of earlier calls, {self.classes_.tolist()}")

    def _codes(self, y: npt.NDArray[Any], name: str) -> npt.NDArray[np.intp]:
        """The position of each label in `classes_`."""
        if unknown := sorted(set(np.unique(y).tolist()) - set(self.classes_.tolist())):
            raise ValueError(f"{name} holds the label(s) {unknown}; allowed are {self.classes_.tolist()}")
        return np.searchsorted(self.classes_, y)

    def _with_class_weight(self, sample_weight: Any, y: npt.NDArray[Any]) -> Any:
        if self.class_weight is None:
            return sample_weight
        by_class = compute_sample_weight(self.class_weight, y)
        return by_class if sample_weight is None else by_class * np.asarray(sample_weight)

    def _loss_and_output(self) -> tuple[Loss, str]:
        """The log-loss for this number of classes, and its natural output activation."""
        n_classes = len(self.classes_)
        if n_classes > 2 and self._directions() is not None:
            raise ValueError(f"monotonic_cst must be None for more than two classes; the target has {n_classes}")
        loss = BINARY_LOG_LOSS if n_classes == 2 else MULTICLASS_LOG_LOSS
        return loss, loss.natural_activation

    def _targets(self, codes: npt.NDArray[Any]) -> Array:
        """0/1 for two classes, one-hot for more."""
        if len(self.classes_) == 2:
            return codes.astype(np.float32)[:, None]
        one_hot: Array = np.eye(len(self.classes_), dtype=np.float32)[codes]
        return one_hot

    def _validation_rows(self, X: Any, y: Any, sample_weight: Any = None) -> Rows:
        X, y = checked_rows(self, X, y, reset=False)
        return Rows(X, self._targets(self._codes(y, "validation_data")), weight_column(sample_weight, X))

    def decision_function(self, X: Any) -> Array:
        """Log-odds of the second class, shape (n_rows,); for more classes log-probabilities up to a constant."""
        check_is_fitted(self)
        sums = self._sums(X)
        return sums[:, 0] if len(self.classes_) == 2 else sums

    def predict_proba(self, X: Any) -> Array:
        """Probability of each class, shape (n_rows, n_classes)."""
        sums = self.decision_function(X)
        if sums.ndim == 1:
            # Not 1 - p, which rounds small probabilities of the first class to 0
            return np.stack([probability(-sums), probability(sums)], axis=1)
        exponentials = np.exp(sums - sums.max(axis=1, keepdims=True))  # the shift cancels and prevents overflow
        probabilities: Array = exponentials / exponentials.sum(axis=1, keepdims=True)
        return probabilities

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable class of each row."""
        most_probable = self.predict_proba(X).argmax(axis=1)
        labels: npt.NDArray[Any] = self.classes_[most_probable]
        return labels
