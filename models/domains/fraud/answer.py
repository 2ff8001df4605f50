"""What is answered to one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from models.contract import Answer, Live, Reason, Row
from models.domains.fraud.policy import Decision
from models.encoding import Features
from models.policies.rule_words import rule_reasons
from models.reasons import strongest_reasons


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
        description="The rules that asked for this decision, then what raised the probability most, most first.",
    )


def account(live: Live, row: Row, x: Features, decided: Mapping[str, Any]) -> dict[str, list[Reason]]:
    """The reasons of an answer; see `models.contract.Domain`."""
    of_model = strongest_reasons(live, row, live.scorer.shares(x))
    return {"reasons": [*rule_reasons(live, row, decided), *of_model]}
