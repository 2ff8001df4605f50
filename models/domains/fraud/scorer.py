"""Two networks together: a classifier for known fraud, and an autoencoder for what is unlike the genuine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from data.table import Table
from models.encoding import Features
from models.estimators import BackpropAutoencoder
from models.nn.training import Callback
from models.presets import Preset
from models.scoring import Floats, Labels, TableClassifier, refinement


class FraudScorer(TableClassifier):
    """A classifier for known fraud, and beside it an autoencoder for what is merely unlike the genuine.

    Parameters and attributes: see `TableClassifier`, and

    autoencoder : trained on the genuine training rows.
    anomaly_quantiles : 10,001 quantiles of its score on genuine rows that it was not trained on.
    """

    n_most_rows = 50_000  # genuine rows the autoencoder is trained on; more teach it nothing new and cost time

    def __init__(self, table: Table, preset: Preset, seed: int) -> None:
        super().__init__(table, preset, seed)
        self.autoencoder = BackpropAutoencoder(
            (32, 8, 32), max_epochs=preset.network["max_epochs"] // 2, patience=3, batch_size=256, random_state=seed
        )

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
        """Train both; see `TableClassifier.fit`. The autoencoder always sees the genuine rows as they are."""
        super().fit(
            frame, labels, weights=weights, validation=validation, keep_negatives=keep_negatives, callbacks=callbacks
        )
        self.autoencoder.set_params(callbacks=list(callbacks))
        self._fit_autoencoder(frame, labels, validation)
        self.autoencoder.set_params(callbacks=None)
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
        """Go on with both; see `TableClassifier.refine`."""
        super().refine(
            frame,
            labels,
            weights=weights,
            validation=validation,
            seed=seed,
            keep_negatives=keep_negatives,
            callbacks=callbacks,
        )
        with refinement(self.autoencoder, seed=seed, callbacks=callbacks):
            self._fit_autoencoder(frame, labels, validation)
        return self

    def _fit_autoencoder(self, frame: pd.DataFrame, labels: Labels, validation: tuple[pd.DataFrame, Labels]) -> None:
        """Train it on genuine rows and measure its score on those held out."""
        genuine = frame[labels == 0]
        step = max(len(genuine) // self.n_most_rows, 1)  # every step-th row: the whole training time is covered
        self.autoencoder.fit(self.encoder.transform(genuine.iloc[::step]))
        held_out = validation[0][validation[1] == 0]
        scores = self.autoencoder.anomaly_score(self.encoder.transform(held_out))
        self.anomaly_quantiles = np.quantile(scores, np.linspace(0, 1, 10_001))

    def anomaly_percentiles(self, X: Features) -> Floats:
        """Percent of genuine rows with a lower anomaly score, shape (n_rows,), 0..100."""
        below = np.searchsorted(self.anomaly_quantiles, self.autoencoder.reconstruction_errors(X))
        percentiles: Floats = np.minimum(below, 10_000) / 100
        return percentiles
