"""What is answered to one transaction, and why."""

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
    rules: list[str] = Field(description="Names of the rules that were hit, also of those that are not live.")
    windows: dict[str, float | None] = Field(
        default_factory=dict,
        description="What the card's and the terminal's earlier transactions said; null where there is nothing to say.",
    )
    reasons: list[Reason] = Field(
        default_factory=list,
        description=(
            "The rules that asked for this decision and the anomaly if it did, then what raised the probability most, "
            "most first."
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
    """The anomaly, if the policy reviews because of it, whatever its share in the log-odds."""
    assert isinstance(live.policy, FraudPolicy)  # noqa: S101 - a domain's models come with the domain's policy
    if decided[ANOMALY.name] < live.policy.review_anomaly_from:
        return []
    return [reason(ANOMALY, decided, live.classifier.reference_row, share)]
