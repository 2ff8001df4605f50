"""Two networks together: a classifier for known fraud, and an autoencoder for what is unlike the genuine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.table import Column, Table
from models.domains.fraud.anomaly import ANOMALY, Anomaly
from models.encoding import Features
from models.feature_groups import FeatureGroups
from models.nn.training import Callback
from models.presets import Preset
from models.sampling import DrawnRows
from models.scoring import Floats, Labels, TableClassifier


class FraudScorer(TableClassifier):
    """A classifier for known fraud, and beside it an autoencoder for what is merely unlike the genuine.

    The anomaly, the autoencoder's error, is an answer of its own and an input of the classifier. It is no input where
    the table knows directions: the error may move either way with any column, and the probability then could too.

    Parameters and attributes: see `TableClassifier`, and

    anomaly : the autoencoder, trained on the genuine training rows, and what its error says.
    """

    def __init__(self, table: Table, preset: Preset, seed: int) -> None:
        super().__init__(table, preset, seed)
        self.anomaly = Anomaly(preset, seed)

    def fit(
        self,
        frame: pd.DataFrame,
        labels: Labels,
        *,
        weights: Floats | None = None,
        validation: tuple[pd.DataFrame, Labels],
        keep_negatives: float = 1.0,
        callbacks: Sequence[Callback] = (),
    ) -> FraudScorer:
        """Train both; see `TableClassifier.fit`."""
        self.anomaly.autoencoder.set_params(callbacks=list(callbacks))
        super().fit(
            frame, labels, weights=weights, validation=validation, keep_negatives=keep_negatives, callbacks=callbacks
        )
        self.anomaly.autoencoder.set_params(callbacks=None)
        return self

    def refine(
        self,
        frame: pd.DataFrame,
        labels: Labels,
        *,
        weights: Floats | None = None,
        validation: tuple[pd.DataFrame, Labels],
        seed: int,
        keep_negatives: float = 1.0,
        callbacks: Sequence[Callback] = (),
    ) -> FraudScorer:
        """Go on with the classifier; see `TableClassifier.refine`.

        The autoencoder stays, as the encoder does: it makes inputs of the classifier. What counts as unusual is
        measured anew, on the genuine validation rows.
        """
        self._measure_anomaly(validation)
        super().refine(
            frame,
            labels,
            weights=weights,
            validation=validation,
            seed=seed,
            keep_negatives=keep_negatives,
            callbacks=callbacks,
        )
        return self

    def _fit_inputs(self, frame: pd.DataFrame, labels: Labels, rows: DrawnRows) -> Features:
        """As `TableClassifier` does, with the autoencoder, which sees genuine training rows alone."""
        X = super()._fit_inputs(frame, labels, rows)
        features = self.anomaly.fit(X, labels, n_train=len(rows.labels))
        self._measure_anomaly(rows.validation)
        if not self.reads_anomaly:
            return X
        directions = np.concatenate([self.encoder.directions_, self.anomaly.block.directions])
        self.network.set_params(monotonic_cst=directions)
        return np.concatenate([X, features], axis=1)

    def _measure_anomaly(self, validation: tuple[pd.DataFrame, Labels]) -> None:
        held_out, labels = validation
        self.anomaly.measure(self.encoder.transform(held_out[labels == 0]))

    @property
    def reads_anomaly(self) -> bool:
        """Whether the anomaly is an input of the classifier."""
        return not self.encoder.directions_.any()

    @property
    def columns(self) -> list[Column]:
        """Those of the table that are read, and the anomaly if it is an input."""
        return [*super().columns, ANOMALY] if self.reads_anomaly else super().columns

    @property
    def input_owners(self) -> npt.NDArray[np.intp]:
        """See `TableClassifier`; the features of the anomaly come last."""
        if not self.reads_anomaly:
            return super().input_owners
        n_columns = len(self.encoder.column_names_)
        return np.concatenate([super().input_owners, np.repeat(n_columns, len(self.anomaly.block.owners))])

    @property
    def input_groups(self) -> FeatureGroups:
        """See `TableClassifier`; the features of the anomaly come last."""
        groups = super().input_groups
        return groups.beside(self.anomaly.block.groups) if self.reads_anomaly else groups

    def inputs(self, X: Features) -> Features:
        """The encoded rows, and the features of their anomaly if it is an input."""
        return self._inputs_beside(X, self.anomaly.errors(X)) if self.reads_anomaly else X

    def _inputs_beside(self, X: Features, errors: Floats) -> Features:
        return np.concatenate([X, self.anomaly.features(errors)], axis=1) if self.reads_anomaly else X

    def derived_values(self, x: Features) -> Mapping[str, Any]:
        """The anomaly percentile of an encoded row, if the classifier reads the anomaly."""
        return {ANOMALY.name: float(self.anomaly_percentiles(x[None])[0])} if self.reads_anomaly else {}

    def anomaly_percentiles(self, X: Features) -> Floats:
        """Percent of genuine rows with a lower anomaly, shape (n_rows,), 0..100."""
        return self.anomaly.percentiles(self.anomaly.errors(X))

    def log_odds_and_percentiles(self, X: Features) -> tuple[Floats, Floats]:
        """`log_odds` and `anomaly_percentiles` of encoded rows, from one pass through the autoencoder."""
        errors = self.anomaly.errors(X)
        return self._log_odds_of(self._inputs_beside(X, errors)), self.anomaly.percentiles(errors)
