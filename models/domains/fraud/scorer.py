"""The fraud scorer: a classifier of known fraud, and an autoencoder that detects anomalies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.column import Column
from data.table import Table
from models.arrays import Floats, Labels, Scores
from models.domains.fraud.anomaly import ANOMALY, Anomaly
from models.encoding import Features
from models.encoding.feature_groups import FeatureGroups
from models.estimators.log_odds_scorer import with_probability
from models.estimators.negative_sampling import DrawnRows
from models.estimators.table_classifier import TableClassifier
from models.presets import Preset


class FraudScorer(TableClassifier):
    """A classifier of known fraud, and an autoencoder that detects anomalies.

    The anomaly, the autoencoder's reconstruction error, is both part of the answer and an input of the classifier.

    Parameters and attributes: see `TableClassifier`, and

    anomaly : the autoencoder of genuine training rows, and the scale of its error.
    """

    stored_as: ClassVar[str] = "fraud_scorer"
    stored_fields: ClassVar[Mapping[str, str]] = {**TableClassifier.stored_fields, "anomaly": "anomaly"}

    def __init__(self, table: Table, preset: Preset, seed: int) -> None:
        super().__init__(table, preset, seed)
        self.anomaly = Anomaly(preset, seed)

    def _fit_inputs(self, frame: pd.DataFrame, labels: Labels, rows: DrawnRows) -> Features:
        """See `TableClassifier`; also trains the autoencoder, on genuine training rows only."""
        X = super()._fit_inputs(frame, labels, rows)
        directions = self.encoder.directions_
        self.anomaly.autoencoder.set_params(callbacks=self.network.callbacks)  # progress is reported for both networks
        feature = self.anomaly.fit(X, labels, n_train=len(rows.labels), directions=directions)
        self.anomaly.autoencoder.set_params(callbacks=None)
        self._renew_inputs(rows.validation)
        self.network.set_params(monotonic_cst=np.append(directions, np.int8(0)))
        return np.concatenate([X, feature], axis=1)

    def check_restored(self) -> None:
        """See `TableClassifier`; also raises ValueError unless autoencoder and encoder have equal feature counts."""
        super().check_restored()
        if (n_read := self.anomaly.autoencoder.n_features_in_) != len(self.reference):
            raise ValueError(f"the autoencoder expects {n_read} features, the encoder returns {len(self.reference)}")

    def _renew_inputs(self, validation: tuple[pd.DataFrame, Labels]) -> None:
        """Recompute the percentiles; the autoencoder is kept, as the encoder is, because it makes inputs."""
        held_out, labels = validation
        self.anomaly.measure(self.encoder.transform(held_out[labels == 0]))

    @property
    def columns(self) -> list[Column]:
        """The table's input columns, then the anomaly."""
        return [*super().columns, ANOMALY]

    @property
    def input_owners(self) -> npt.NDArray[np.intp]:
        """See `TableClassifier`; the anomaly comes last."""
        return np.append(super().input_owners, len(self.encoder.column_names_))

    @property
    def input_names(self) -> list[str]:
        """See `TableClassifier`; the anomaly comes last."""
        return [*super().input_names, ANOMALY.name]

    @property
    def input_groups(self) -> FeatureGroups:
        """See `TableClassifier`; the anomaly comes last, alone."""
        return super().input_groups.followed_by(FeatureGroups(np.ones(1, np.float32), np.zeros(1, np.intp)))

    def inputs(self, X: Features) -> Features:
        """The encoded rows with the anomaly appended."""
        return np.concatenate([X, self.anomaly.feature(self.anomaly.errors_to_read(X))], axis=1)

    def derived_values(self, x: Features) -> Mapping[str, Any]:
        """The anomaly percentile of an encoded row."""
        return {ANOMALY.name: float(self.anomaly_percentiles(x[None])[0])}

    def anomaly_percentiles(self, X: Features) -> Floats:
        """Anomaly percentile among genuine rows, shape (n_rows,), 0..100."""
        return self.anomaly.percentiles(self.anomaly.errors(X))

    def scores(self, X: Features) -> Scores:
        """See `TableClassifier`; adds the `anomaly_percentiles`, from one pass through the autoencoder."""
        errors, read = self.anomaly.both_errors(X)
        inputs = np.concatenate([X, self.anomaly.feature(read)], axis=1)
        return {**with_probability(self._log_odds_of(inputs)), "anomaly": self.anomaly.percentiles(errors)}
