"""Fraud: a transaction in, the probability of fraud, how unusual it is, a decision and its reasons out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from data.simulators import fraud as simulator
from data.splits import Split
from data.table import Table
from models.calibration import probability
from models.contract import Answer, Domain, Policy, Reason
from models.encoding import Features
from models.estimators import BackpropAutoencoder
from models.full_account import full_account_operation
from models.nn.training import Callback
from models.presets import Preset
from models.reasons import reasons_alone
from models.scoring import Floats, Labels, TableClassifier, refinement


class FraudPolicy(Policy):
    """From which scores on a transaction is reviewed or blocked."""

    review_from: float = Field(0.10, ge=0, le=1, description="Review from this probability of fraud on.")
    block_from: float = Field(0.50, ge=0, le=1, description="Block from this probability of fraud on.")
    review_anomaly_from: float = Field(
        99.95, ge=0, le=100, description="Review from this anomaly percentile on, whatever the probability."
    )

    @model_validator(mode="after")
    def _thresholds_do_not_cross(self) -> FraudPolicy:
        if self.review_from > self.block_from:
            raise ValueError(f"review_from ({self.review_from}) must not lie above block_from ({self.block_from})")
        return self


class FraudAnswer(Answer):
    """The answer to one transaction."""

    fraud_probability: float = Field(ge=0, le=1, description="Calibrated.")
    anomaly_score: float = Field(
        ge=0, le=100, description="Percent of the genuine training transactions that were less unusual."
    )
    decision: Literal["allow", "review", "block"]
    reasons: list[Reason] = Field(default_factory=list, description="What raised the probability most, most first.")


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


def decide(scorer: TableClassifier, policy: FraudPolicy, X: Features) -> dict[str, list[Any]]:
    """Probability, anomaly percentile and decision of encoded transactions."""
    assert isinstance(scorer, FraudScorer)  # noqa: S101 - built by this domain
    probabilities = probability(scorer.log_odds(X)).tolist()
    percentiles = scorer.anomaly_percentiles(X).tolist()
    return {
        "fraud_probability": probabilities,
        "anomaly_score": percentiles,
        "decision": [
            "block"
            if p >= policy.block_from
            else "review"
            if p >= policy.review_from or a >= policy.review_anomaly_from
            else "allow"
            for p, a in zip(probabilities, percentiles, strict=True)
        ],
    }


DOMAIN = Domain(
    name="fraud",
    summary="Probability that a transaction is fraudulent, how unusual it is, and allow, review or block.",
    intended_use="To let transactions pass, hold them for a person to review, or block them, and to say why.",
    not_for=(
        "Accusing anyone: a high score is a reason to look, not a proof.",
        "Card schemes, countries or channels unlike those of the training rows; fraud also changes with time.",
        "Judging customers as such, for credit or for anything else.",
    ),
    table=simulator.TABLE,
    simulate=simulator.simulate,
    n_simulated_rows=100_000,
    split=Split(kind="time", label_delay_days=7),
    policy=FraudPolicy,
    answer=FraudAnswer,
    prepare=lambda table: table,
    build=FraudScorer,
    decide=decide,
    account=reasons_alone,
    adverse=frozenset({"review", "block"}),
    operations=(full_account_operation(FraudAnswer),),
    gates={"auc": 0.55},
)
