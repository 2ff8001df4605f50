"""What is answered to one transaction."""

from __future__ import annotations

from pydantic import Field

from models.contract import Answer, Reason
from models.domains.fraud.policy import Decision


class FraudAnswer(Answer):
    """The answer to one transaction."""

    fraud_probability: float = Field(ge=0, le=1, description="Calibrated.")
    anomaly_score: float = Field(
        ge=0, le=100, description="Percent of the genuine training transactions that were less unusual."
    )
    decision: Decision
    reasons: list[Reason] = Field(default_factory=list, description="What raised the probability most, most first.")
