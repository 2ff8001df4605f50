"""Anomaly score of a transaction: the reconstruction error of an autoencoder of genuine rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from data.column import Column
from models.arrays import Floats, Labels
from models.encoding import Features
from models.estimators.autoencoder import BackpropAutoencoder
from models.estimators.percentiles import percentiles_in, quantile_table
from models.presets import Preset

ANOMALY = Column(
    name="anomaly_score",
    kind="number",
    unit="%",
    description="Anomaly score: percent of genuine transactions that are less unusual",
    reasons={"above": "The transaction is unlike genuine ones (more unusual than {value} of them)"},
)
"""The anomaly as a column beside those of the table; its values are percentiles."""

MAX_ROWS = 20_000
"""Genuine rows the autoencoder is trained on; more cost time without improving it."""
N_QUANTILES = 10_001


class Anomaly:
    """The reconstruction error of an autoencoder of genuine rows, as a feature and as a percentile.

    Errors on the autoencoder's training rows stand for those on new rows: one this narrow hardly overfits. With a few
    thousand rows the median training error is 1 to 4 % lower, little compared with the spread of the errors, and less
    with more rows.

    Parameters
    ----------
    preset : of the model; determines the autoencoder's training time.
    seed : of all its randomness.

    Attributes
    ----------
    autoencoder : of the genuine training rows.
    centre, spread : median and interquartile range of the root of the error that the classifier reads.
    fixed : positions of the features that the classifier's anomaly ignores, see `errors_to_read`.
    quantiles : N_QUANTILES quantiles of the error of genuine rows that the autoencoder was not trained on.
    """

    stored_as: ClassVar[str] = "anomaly"
    stored_fields: ClassVar[Mapping[str, str]] = {
        "autoencoder": "autoencoder",
        "centre": "float",
        "spread": "float",
        "fixed": "int64[fixed]",
        "quantiles": f"float64[{N_QUANTILES}]",
    }
    autoencoder: BackpropAutoencoder
    centre: float
    spread: float
    fixed: npt.NDArray[np.intp]
    quantiles: Floats

    def __init__(self, preset: Preset, seed: int) -> None:
        self.autoencoder = BackpropAutoencoder(
            (32, 8, 32), max_epochs=preset.network["max_epochs"] // 2, patience=3, batch_size=256, random_state=seed
        )

    def fit(self, X: Features, labels: Labels, *, n_train: int, directions: npt.NDArray[np.int8]) -> Features:
        """Train the autoencoder on genuine rows, and scale the error that the classifier reads.

        Parameters
        ----------
        X : encoded rows, shape (n_rows, n_features).
        n_train : the autoencoder is trained on genuine rows among the first `n_train`.
        directions : of the features, from the encoder.

        Returns
        -------
        The classifier's input from the rows' errors, see `feature`.
        """
        genuine = np.flatnonzero(labels[:n_train] == 0)
        step = max(-(-len(genuine) // MAX_ROWS), 1)  # every step-th row: the whole training time is covered
        self.autoencoder.fit(X[genuine[::step]])
        self.fixed = np.flatnonzero(directions)
        errors = self.errors_to_read(X)
        low, self.centre, high = np.quantile(np.sqrt(errors), [0.25, 0.5, 0.75]).tolist()
        self.spread = (high - low) or 1.0
        return self.feature(errors)

    def check_restored(self) -> None:
        """Raise ValueError unless the spread is positive and `fixed` are positions of features."""
        n_features = len(self.autoencoder.means_)
        if not self.spread > 0 or not all(0 <= i < n_features for i in self.fixed):
            raise ValueError(f"spread must be above 0, got {self.spread:g}; fixed, positions among {n_features}")

    def measure(self, X: Features) -> None:
        """Set the percentiles from encoded genuine rows that the autoencoder was not trained on."""
        self.quantiles = quantile_table(self.errors(X), N_QUANTILES)

    def errors(self, X: Features) -> Floats:
        """Error of encoded rows, shape (n_rows,), at least 0. Bitwise independent of the batch."""
        return self.autoencoder.reconstruction_errors(X).astype(np.float64)

    def errors_to_read(self, X: Features) -> Floats:
        """The error that the classifier reads: with features that have a direction set to their mean.

        The error may rise or fall with any column. If the probability must be monotone in a column, the anomaly must
        not depend on it.
        """
        return self.errors(self._without_directed(X))

    def both_errors(self, X: Features) -> tuple[Floats, Floats]:
        """`errors` and `errors_to_read` of rows, from one forward pass."""
        if not len(self.fixed):
            errors = self.errors(X)
            return errors, errors
        errors = self.errors(np.concatenate([X, self._without_directed(X)]))
        return errors[: len(X)], errors[len(X) :]

    def _without_directed(self, X: Features) -> Features:
        if not len(self.fixed):
            return X
        X = X.copy()
        X[:, self.fixed] = self.autoencoder.means_[self.fixed]
        return X

    def feature(self, errors: Floats) -> Features:
        """The classifier's input: the root of the error, scaled and smoothly clipped to -3..3, shape (n_rows, 1).

        As with the numbers of a table, x / sqrt(1 + (x/3)^2) of x = (root - median) / (interquartile range).
        """
        x = (np.sqrt(errors) - self.centre) / self.spread
        clipped: Features = (x / np.sqrt(1 + (x / 3) ** 2)).astype(np.float32)[:, None]
        return clipped

    def percentiles(self, errors: Floats) -> Floats:
        """Percentile of the error among genuine rows, shape (n_rows,), 0..100."""
        return percentiles_in(self.quantiles, errors)
