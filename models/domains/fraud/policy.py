"""Fraud policy: thresholds for review and block, rules, and the decision."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field, model_validator

from data.table import Table
from models.arrays import Scores
from models.contract import AlertBudget, AlertWords, Columns, Policy, Queue, Rows
from models.costs import AlertCosts
from models.decisions.rules.conditions import Rules
from models.decisions.rules.hits import decided_with_rules

Decision: TypeAlias = Literal["allow", "review", "block"]

ALERT_BUDGET = AlertBudget(
    lower="review_from",
    upper="block_from",
    reviewed="review",
    blocked="block",
    costs=AlertCosts(
        review=5, blocked_good=30
    ),  # an assumption, without a source: minutes of review; a lost purchase and a call
)
QUEUE = Queue(
    reviewed=ALERT_BUDGET.reviewed,
    blocked=ALERT_BUDGET.blocked,
    passed="allow",
    snooze_hours="snooze_hours",
    probability="fraud_probability",
    words=AlertWords(
        subject="card",
        subjects="cards",
        positive="fraud",
        positives="frauds",
        negative="genuine",
        affected="cards with fraud",
    ),
)


class FraudPolicy(Policy):
    """Thresholds and rules by which a transaction is reviewed or blocked."""

    review_from: float = Field(0.10, ge=0, le=1, description="Review at or above this fraud probability.")
    block_from: float = Field(0.50, ge=0, le=1, description="Block at or above this fraud probability.")
    review_anomaly_from: float = Field(
        99.95, ge=0, le=100, description="Review at or above this anomaly percentile, whatever the probability."
    )
    snooze_hours: float = Field(
        24,
        ge=0,
        le=8_760,
        description="Hours during which a cleared card is not reviewed again; it may still be blocked.",
    )
    rules: Rules = Field(
        (), description="Rules in addition to the model; block takes precedence over review, review over allow."
    )

    @model_validator(mode="after")
    def _thresholds_do_not_cross(self) -> FraudPolicy:
        if self.review_from > self.block_from:
            raise ValueError(f"review_from ({self.review_from}) must not exceed block_from ({self.block_from})")
        return self


def decide(policy: FraudPolicy, scores: Scores, rows: Rows, table: Table) -> Columns:
    """Probability, anomaly percentile, decision and rule hits of transactions."""
    probabilities, percentiles = scores["probability"].tolist(), scores["anomaly"].tolist()
    decisions = [
        "block"
        if p >= policy.block_from
        else "review"
        if p >= policy.review_from or a >= policy.review_anomaly_from
        else "allow"
        for p, a in zip(probabilities, percentiles, strict=True)
    ]
    decisions, hit = decided_with_rules(policy.rules, table, rows, decisions)
    return {
        "fraud_probability": probabilities,
        "anomaly_score": percentiles,
        "decision": decisions,
        "rules": hit,
    }
