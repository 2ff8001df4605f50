"""TableClassifier: a table's rows in, calibrated probabilities and the share of each column out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.table import Table
from models.backprop import BackpropEstimator
from models.calibration import LogOddsCalibrator, probability
from models.encoding import Features, TableEncoder
from models.estimators import BackpropClassifier
from models.explanation import integrated_gradients
from models.nn.arrays import Array
from models.nn.training import Callback
from models.presets import Preset

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

REFINE_RATE = 0.3
"""Refining goes on with this share of the preset's learning rate, which falls to 0 along half a cosine."""
REFINE_EPOCHS = 20
"""Most passes over the new rows; fewer if validation rows show no gain for REFINE_PATIENCE of them."""
REFINE_PATIENCE = 5


class TableClassifier:
    """Encoder, network and calibration of one model, trained together and stored together.

    Parameters
    ----------
    table : what a row holds.
    preset : how much effort training takes.
    seed : of everything random in it.

    Attributes
    ----------
    reference_row : the typical row without the event (medians and most frequent levels of the training rows of class
        0), against which reasons are given. reference : the same, encoded, of shape (n_features,).
    """

    def __init__(self, table: Table, preset: Preset, seed: int) -> None:
        self.table = table
        self.encoder = TableEncoder(table, **preset.encoder)
        self.network = BackpropClassifier(**preset.network, random_state=seed)
        self.calibrator = LogOddsCalibrator()

    def fit(
        self,
        frame: pd.DataFrame,
        labels: Labels,
        *,
        weights: Floats | None = None,
        validation: tuple[pd.DataFrame, Labels],
        callbacks: Sequence[Callback] = (),
    ) -> TableClassifier:
        """Train on checked rows.

        The validation rows stop the training in time and calibrate what came out. A preset with folds makes them of all
        rows instead, if they are enough, so that each row is trained on and each serves as a validation row once.
        """
        _refuse_unfit(labels, validation[1])
        self.network.set_params(callbacks=list(callbacks))
        if not self._fit_folds(frame, labels, weights, validation):
            X = self._fit_encoder(frame, labels)
            self._fit_network(X, labels, weights, validation)
        self.network.set_params(callbacks=None)  # what a caller hung on is not part of the model
        return self

    def refine(
        self,
        frame: pd.DataFrame,
        labels: Labels,
        *,
        weights: Floats | None = None,
        validation: tuple[pd.DataFrame, Labels],
        seed: int,
        callbacks: Sequence[Callback] = (),
    ) -> TableClassifier:
        """Go on training with checked new rows, in place.

        The encoder stays. The network goes on from its weights, see `refinement`; if no pass over the new rows lowers
        the loss of the validation rows, it stays as it was. Calibration and reference row are made anew.
        """
        _refuse_unfit(labels, validation[1])
        with refinement(self.network, seed=seed, callbacks=callbacks):
            self._fit_network(self.encoder.transform(frame), labels, weights, validation)
        self._keep_reference(frame[labels == 0])
        return self

    def _fit_folds(
        self, frame: pd.DataFrame, labels: Labels, weights: Floats | None, validation: tuple[pd.DataFrame, Labels]
    ) -> bool:
        """Train on folds of all rows and calibrate on each fold without it; False if there are no folds."""
        if self.network.settings.n_folds == 1:
            return False
        weights = None if weights is None else np.concatenate([weights, self._weights(validation[0])])
        frame, labels = pd.concat([frame, validation[0]]), np.concatenate([labels, validation[1]])
        self.network.fit(self._fit_encoder(frame, labels), labels, weights, groups=self.encoder.groups_)
        if self.network.n_folds_ == 1:  # there are too few rows
            return False
        self.calibrator.fit(self.network.held_out_sums_[:, 0].astype(np.float64), labels)
        return True

    def _fit_encoder(self, frame: pd.DataFrame, labels: Labels) -> Features:
        """Learn how to encode from these rows, and which row is typical; returns them encoded."""
        X = self.encoder.fit_transform(frame, labels)
        self.network.set_params(monotonic_cst=self.encoder.directions_)
        self._keep_reference(frame[labels == 0])
        return X

    def _fit_network(
        self, X: Features, labels: Labels, weights: Floats | None, validation: tuple[pd.DataFrame, Labels]
    ) -> None:
        """Train on encoded rows, stop in time by the validation rows, and calibrate on them."""
        X_validation = self.encoder.transform(validation[0])
        self.network.fit(X, labels, weights, validation_data=(X_validation, validation[1]))
        log_odds: Array = self.network.decision_function(X_validation)
        self.calibrator.fit(log_odds.astype(np.float64), validation[1])

    def _keep_reference(self, frame: pd.DataFrame) -> None:
        """Remember the typical row of these."""
        self.reference_row = typical_row(self.table, frame)
        self.reference = self.encoder.encode_rows([self.reference_row])[0]

    def _weights(self, frame: pd.DataFrame) -> Floats:
        """The rows' weights as the table has them, 1 where it has none."""
        if self.table.weight is None:
            return np.ones(len(frame))
        return frame[self.table.weight.name].to_numpy(np.float64)

    @property
    def column_names(self) -> list[str]:
        """The columns that the model reads, in the order of `shares`."""
        return list(self.encoder.column_names_)

    def log_odds(self, X: Features) -> Floats:
        """Calibrated log-odds of encoded rows, shape (n_rows,). Equal rows get equal bits, alone or among others."""
        sums = self.network.network_.mean_sums(X)[:, 0]
        return self.calibrator.log_odds(sums.astype(np.float64))

    def probabilities(self, frame: pd.DataFrame) -> Floats:
        """Calibrated probability of the event for the rows of a checked frame, shape (n_rows,)."""
        rows_at_once = 65_536  # bounds the memory of the encoded rows
        parts = [
            probability(self.log_odds(self.encoder.transform(frame.iloc[start : start + rows_at_once])))
            for start in range(0, len(frame), rows_at_once)
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def shares(self, x: Features) -> Floats:
        """How much each column moved the calibrated log-odds of an encoded row away from those of `reference_row`.

        Returns
        -------
        ndarray of shape (n_columns,), in the order of `column_names`; positive towards the event.
        """
        by_feature = integrated_gradients(self.network.network_, x, self.reference).astype(np.float64)
        n_columns = len(self.encoder.column_names_)
        by_column = np.bincount(self.encoder.owners_, by_feature, minlength=n_columns).astype(np.float64)
        return by_column * self.calibrator.slope


@contextmanager
def refinement(network: BackpropEstimator, *, seed: int, callbacks: Sequence[Callback]) -> Iterator[None]:
    """While the block runs, `fit` goes on from the present weights: for few passes, with small steps, stopped early."""
    usual = network.get_params()
    network.set_params(
        warm_start=True,
        learning_rate=REFINE_RATE * network.settings.learning_rate,
        schedule="cosine",
        max_epochs=REFINE_EPOCHS,
        patience=REFINE_PATIENCE,
        random_state=seed,
        callbacks=list(callbacks),
    )
    try:
        yield
    finally:
        network.set_params(**usual)


def _refuse_unfit(labels: Labels, validation_labels: Labels) -> None:
    """Labels are 0 or 1, and there is something to validate with."""
    for name, given in (("labels", labels), ("validation labels", validation_labels)):
        if not len(given):
            raise ValueError(f"there are no {name}; training and validation need at least one row each")
        if not np.isin(given, (0, 1)).all():
            raise ValueError(f"{name} must be 0 or 1, got {np.unique(given)[:10].tolist()}")


def typical_row(table: Table, frame: pd.DataFrame) -> Mapping[str, Any]:
    """The median of each number and time and the most frequent level of everything else."""
    row: dict[str, Any] = {}
    for column in table.of_role("feature", "time"):
        present = frame[column.name].dropna()
        if present.empty:
            row[column.name] = None
        elif column.kind == "number":
            # The median may be a mean of two: their sum can overflow, that of their halves cannot
            row[column.name] = 2 * float((present / 2).median())
        elif column.kind == "time":
            row[column.name] = present.sort_values().iloc[len(present) // 2].to_pydatetime()
        else:
            row[column.name] = str(present.mode().iloc[0])
    return row
