"""Two networks together: a classifier for known fraud, and an autoencoder for what is unlike the genuine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.table import Column, Table
from models.arrays import Floats, Labels, Scores
from models.domains.fraud.anomaly import ANOMALY, Anomaly
from models.encoding import Features
from models.encoding.feature_groups import FeatureGroups
from models.estimators.negative_sampling import DrawnRows
from models.estimators.table_classifier import TableClassifier, with_probability
from models.presets import Preset


class FraudScorer(TableClassifier):
    """A classifier for known fraud, and beside it an autoencoder for what is merely unlike the genuine.

    The anomaly, the autoencoder's error, is an answer of its own and an input of the classifier.

    Parameters and attributes: see `TableClassifier`, and

    anomaly : the autoencoder, trained on the genuine training rows, and what its error says.
    """

    stored_as: ClassVar[str] = "fraud_scorer"
    stored_fields: ClassVar[Mapping[str, str]] = {**TableClassifier.stored_fields, "anomaly": "anomaly"}

    def __init__(self, table: Table, preset: Preset, seed: int) -> None:
        super().__init__(table, preset, seed)
        self.anomaly = Anomaly(preset, seed)

    def _fit_inputs(self, frame: pd.DataFrame, labels: Labels, rows: DrawnRows) -> Features:
        """As `TableClassifier` does, with the autoencoder, which sees genuine training rows alone."""
        X = super()._fit_inputs(frame, labels, rows)
        directions = self.encoder.directions_
        self.anomaly.autoencoder.set_params(callbacks=self.network.callbacks)  # who watches one training, watches both
        feature = self.anomaly.fit(X, labels, n_train=len(rows.labels), directions=directions)
        self.anomaly.autoencoder.set_params(callbacks=None)
        self._renew_inputs(rows.validation)
        self.network.set_params(monotonic_cst=np.append(directions, np.int8(0)))
        return np.concatenate([X, feature], axis=1)

    def check_restored(self) -> None:
        """See `TableClassifier`; ValueError also unless the autoencoder reads what the encoder gives."""
        super().check_restored()
        if (n_read := self.anomaly.autoencoder.n_features_in_) != len(self.reference):
            raise ValueError(f"the autoencoder reads {n_read} features, the encoder gives {len(self.reference)}")

    def _renew_inputs(self, validation: tuple[pd.DataFrame, Labels]) -> None:
        """Measure what counts as unusual; the autoencoder stays, as the encoder does: it makes inputs."""
        held_out, labels = validation
        self.anomaly.measure(self.encoder.transform(held_out[labels == 0]))

    @property
    def columns(self) -> list[Column]:
        """Those of the table that are read, then the anomaly."""
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
        return super().input_groups.beside(FeatureGroups(np.ones(1, np.float32), np.zeros(1, np.intp)))

    def inputs(self, X: Features) -> Features:
        """The encoded rows, and beside them their anomaly."""
        return np.concatenate([X, self.anomaly.feature(self.anomaly.errors_to_read(X))], axis=1)

    def derived_values(self, x: Features) -> Mapping[str, Any]:
        """The anomaly percentile of an encoded row."""
        return {ANOMALY.name: float(self.anomaly_percentiles(x[None])[0])}

    def anomaly_percentiles(self, X: Features) -> Floats:
        """Percent of genuine rows with a lower anomaly, shape (n_rows,), 0..100."""
        return self.anomaly.percentiles(self.anomaly.errors(X))

    def scores(self, X: Features) -> Scores:
        """See `TableClassifier`; beside them the `anomaly_percentiles`, from one pass through the autoencoder."""
        errors, read = self.anomaly.both_errors(X)
        inputs = np.concatenate([X, self.anomaly.feature(read)], axis=1)
        return {**with_probability(self._log_odds_of(inputs)), "anomaly": self.anomaly.percentiles(errors)}
