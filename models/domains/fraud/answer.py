"""The fraud answer and its reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from models.answers.reasons import reason, strongest_reasons
from models.contract import Answer, LiveModel, Reason, Row
from models.decisions.rules.wording import rule_reasons
from models.domains.fraud.anomaly import ANOMALY
from models.domains.fraud.policy import Decision, FraudPolicy
from models.encoding import Features


class FraudAnswer(Answer):
    """The answer to one transaction."""

    fraud_probability: float = Field(ge=0, le=1, description="Calibrated.")
    anomaly_score: float = Field(
        ge=0, le=100, description="Percent of the genuine training transactions that were less unusual."
    )
    decision: Decision
    rules: list[str] = Field(description="Names of the rules that were hit, including those that are not live.")
    windows: dict[str, float | None] = Field(
        default_factory=dict,
        description="Window features from the card's and the terminal's history; null where there is none.",
    )
    reasons: list[Reason] = Field(
        default_factory=list,
        description=(
            "Rules and anomaly that led to the decision, then the columns that raised the probability most, largest "
            "first."
        ),
    )


def explain(live: LiveModel, row: Row, x: Features, decided: Mapping[str, Any]) -> dict[str, list[Reason]]:
    """The reasons of an answer; see `models.contract.Domain`."""
    shares = live.classifier.shares(x)
    of_model = strongest_reasons(live, row, x, shares)
    if all(given.column != ANOMALY.name for given in of_model):
        of_model = [*_anomaly_reasons(live, float(shares[-1]), decided), *of_model]
    return {"reasons": [*rule_reasons(live, row, decided), *of_model]}


def _anomaly_reasons(live: LiveModel, share: float, decided: Mapping[str, Any]) -> list[Reason]:
    """The anomaly as a reason if it triggers a review, whatever its share in the log-odds."""
    assert isinstance(live.policy, FraudPolicy)  # noqa: S101 - a domain's models come with the domain's policy
    if decided[ANOMALY.name] < live.policy.review_anomaly_from:
        return []
    return [reason(ANOMALY, decided, live.classifier.reference_row, share)]
