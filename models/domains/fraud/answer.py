"""What is answered to one transaction, and why."""

from __future__ import annotations

from pydantic import Field

from models.contract import Answer, Live, Reason, Row
from models.domains.fraud.anomaly import ANOMALY
from models.domains.fraud.policy import Decision, FraudPolicy
from models.domains.fraud.scorer import FraudScorer
from models.encoding import Features
from models.reasons import reason, strongest_reasons


class FraudAnswer(Answer):
    """The answer to one transaction."""

    fraud_probability: float = Field(ge=0, le=1, description="Calibrated.")
    anomaly_score: float = Field(
        ge=0, le=100, description="Percent of the genuine training transactions that were less unusual."
    )
    decision: Decision
    reasons: list[Reason] = Field(default_factory=list, description="What raised the probability most, most first.")


def account(live: Live, row: Row, x: Features) -> dict[str, list[Reason]]:
    """The columns that raised the probability most; before them the anomaly where the policy reviews because of it."""
    scorer, policy = live.scorer, live.policy
    assert isinstance(scorer, FraudScorer)  # noqa: S101 - built by this domain
    assert isinstance(policy, FraudPolicy)  # noqa: S101 - a domain's models come with the domain's policy
    shares = scorer.shares(x)
    reasons = strongest_reasons(live, row, x, shares)
    held = scorer.derived_values(x)
    if held[ANOMALY.name] >= policy.review_anomaly_from and all(given.column != ANOMALY.name for given in reasons):
        reasons.insert(0, reason(ANOMALY, held, scorer.reference_row, float(shares[-1])))
    return {"reasons": reasons}
