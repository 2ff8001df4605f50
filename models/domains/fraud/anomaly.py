"""How unlike the genuine a transaction is: the error of an autoencoder, and what is read of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from data.table import Column
from models.arrays import Floats, Labels
from models.encoding import Features
from models.estimators.autoencoder import BackpropAutoencoder
from models.presets import Preset

ANOMALY = Column(
    name="anomaly_score",
    kind="number",
    unit="%",
    description="How unusual the transaction is; percent of genuine transactions that are less so",
    reasons={"above": "The transaction is unlike genuine ones (more unusual than {value} of them)"},
)
"""What the anomaly is called beside the columns of a table; its values are percentiles."""

MAX_ROWS = 20_000
"""Genuine rows that the autoencoder learns from; more teach it nothing new and cost time."""
N_QUANTILES = 10_001


class Anomaly:
    """The error with which an autoencoder of genuine rows gives an encoded row back, and what it says.

    The error of the rows that it learned from is taken for that of any other: an autoencoder this narrow does not
    learn rows by heart. Of some thousand rows, their median error is 1 to 4 % less than that of others, and
    that is little beside the spread of the errors; of more rows, still less.

    Parameters
    ----------
    preset : of the model; how long the autoencoder learns follows from it.
    seed : of everything random in it.

    Attributes
    ----------
    autoencoder : of the genuine training rows.
    centre, spread : median and interquartile range of the root of the error that a classifier reads.
    fixed : the features whose own values a classifier's anomaly does not depend on, see `errors_to_read`.
    quantiles : N_QUANTILES quantiles of the error of genuine rows that the autoencoder did not learn from.
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
        """Learn what genuine rows look like, and how large the error is that a classifier reads.

        Parameters
        ----------
        X : encoded rows, shape (n_rows, n_features).
        n_train : the autoencoder sees the genuine ones of the first so many rows.
        directions : of the features, as the encoder has them.

        Returns
        -------
        What a classifier reads of the rows' error, see `feature`.
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
        """ValueError unless the spread is one and `fixed` are features."""
        n_features = len(self.autoencoder.means_)
        if not self.spread > 0 or not all(0 <= i < n_features for i in self.fixed):
            raise ValueError(f"spread must be above 0, got {self.spread:g}; fixed, positions among {n_features}")

    def measure(self, X: Features) -> None:
        """Take the errors of these encoded genuine rows, which the autoencoder did not learn from, for the usual."""
        self.quantiles = np.quantile(self.errors(X), np.linspace(0, 1, N_QUANTILES))

    def errors(self, X: Features) -> Floats:
        """Error of encoded rows, shape (n_rows,), at least 0. Equal rows get equal bits, alone or among others."""
        return self.autoencoder.reconstruction_errors(X).astype(np.float64)

    def errors_to_read(self, X: Features) -> Floats:
        """The error that a classifier reads: that of the rows with their features of a direction at the mean.

        The error may move either way with any column. Where the probability may only rise with a column, or only fall,
        the anomaly must not carry it the other way.
        """
        return self.errors(self._without_directed(X))

    def both_errors(self, X: Features) -> tuple[Floats, Floats]:
        """`errors` and `errors_to_read` of rows, from one pass through the autoencoder."""
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
        """What a network reads of the error: its root, scaled and smoothly clipped to -3..3, shape (n_rows, 1).

        As with the numbers of a table, x / sqrt(1 + (x/3)^2) of x = (root - median) / (interquartile range).
        """
        x = (np.sqrt(errors) - self.centre) / self.spread
        clipped: Features = (x / np.sqrt(1 + (x / 3) ** 2)).astype(np.float32)[:, None]
        return clipped

    def percentiles(self, errors: Floats) -> Floats:
        """Percent of genuine rows with a lower error, shape (n_rows,), 0..100."""
        steps: npt.NDArray[np.intp] = np.minimum(np.searchsorted(self.quantiles, errors), N_QUANTILES - 1)
        percentiles: Floats = steps / ((N_QUANTILES - 1) / 100)
        return percentiles
