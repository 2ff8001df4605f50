"""TableClassifier: a table's rows in, calibrated probabilities and the share of each column out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from data.table import Table
from models.calibration import LogOddsCalibrator
from models.encoding import TableEncoder
from models.encoding_blocks import Features
from models.estimators import BackpropClassifier
from models.explanation import integrated_gradients
from models.nn.training import Callback
from models.presets import Preset

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


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
        0), against which reasons are given.
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
        """Train on checked rows; the validation rows stop the training in time and calibrate what came out."""
        X = self.encoder.fit(frame, labels).transform(frame)
        X_validation = self.encoder.transform(validation[0])
        self.network.set_params(callbacks=list(callbacks))
        self.network.fit(X, labels, weights, validation_data=(X_validation, validation[1]))
        self.network.set_params(callbacks=None)  # what a caller hung on is not part of the model
        self.calibrator.fit(self.network.decision_function(X_validation).astype(np.float64), validation[1])
        self.reference_row = typical_row(self.table, frame[labels == 0])
        self._reference = self.encoder.encode_rows([self.reference_row])[0]
        return self

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
            expit(self.log_odds(self.encoder.transform(frame.iloc[start : start + rows_at_once])))
            for start in range(0, len(frame), rows_at_once)
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def shares(self, x: Features) -> Floats:
        """How much each column moved the calibrated log-odds of an encoded row away from those of `reference_row`.

        Returns
        -------
        ndarray of shape (n_columns,), in the order of `column_names`; positive towards the event.
        """
        by_feature = integrated_gradients(self.network.network_, x, self._reference).astype(np.float64)
        n_columns = len(self.encoder.column_names_)
        by_column = np.bincount(self.encoder.owners_, by_feature, minlength=n_columns).astype(np.float64)
        return by_column * self.calibrator.slope


def typical_row(table: Table, frame: pd.DataFrame) -> Mapping[str, Any]:
    """The median of each number and time and the most frequent level of everything else."""
    row: dict[str, Any] = {}
    for column in table.of_role("feature", "time"):
        present = frame[column.name].dropna()
        if present.empty:
            row[column.name] = None
        elif column.kind == "number":
            row[column.name] = float(present.median())
        elif column.kind == "time":
            row[column.name] = present.sort_values().iloc[len(present) // 2].to_pydatetime()
        else:
            row[column.name] = str(present.mode().iloc[0])
    return row
