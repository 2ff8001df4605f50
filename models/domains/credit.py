"""Credit: an applicant in, the probability of default, points, a decision and its reasons out."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, Field, model_validator

from data.rows import row_type
from data.sentences import label, spoken
from data.simulators import credit as simulator
from data.splits import Split
from data.table import Column, Table
from models.calibration import probability
from models.contract import Answer, Domain, Live, Operation, Policy, Reason, Row, respond
from models.counterfactuals import MOST_CHANGES, counterfactuals
from models.encoding import Features
from models.reasons import strongest_reasons
from models.scoring import Floats, TableClassifier


class CreditPolicy(Policy):
    """The scale of the points and the cut-offs of the decision."""

    base_points: float = Field(600, description="Points of an applicant at the base odds.")
    base_odds: float = Field(50, gt=0, description="Good outcomes for each bad one at which the base points are given.")
    points_to_double_odds: float = Field(20, gt=0, description="PDO: points that double the odds.")
    approve_below: float = Field(0.15, ge=0, le=1, description="Approve below this probability of default.")
    decline_from: float = Field(0.30, ge=0, le=1, description="Decline from this probability of default on.")

    @model_validator(mode="after")
    def _cut_offs_do_not_cross(self) -> CreditPolicy:
        if self.approve_below > self.decline_from:
            raise ValueError(
                f"approve_below ({self.approve_below}) must not lie above decline_from ({self.decline_from})"
            )
        return self

    @property
    def points_per_log_odds(self) -> float:
        """Points for one unit of the log-odds of a good outcome."""
        return self.points_to_double_odds / math.log(2)

    def points(self, log_odds: Floats) -> list[int]:
        """Points at log-odds of default: base + PDO / ln 2 * (ln(odds of a good outcome) - ln(base odds)).

        The log-odds of a good outcome are minus those of default, so higher points are safer.
        """
        points = self.base_points - self.points_per_log_odds * (log_odds + math.log(self.base_odds))
        return [round(value) for value in points.tolist()]


class CreditReason(Reason):
    """A reason with its share in points."""

    points: int = Field(description="The column's line of the scorecard: points that it cost; negative or 0.")


class Scorecard(BaseModel):
    """Where the points come from: base and shares add up to them, without a remainder."""

    reference: str = Field(description="Whose typical applicant the shares compare with.")
    base: int = Field(description="Points of that applicant.")
    shares: dict[str, int] = Field(description="Points that each column added (or took, negative), the table's order.")


class CreditAnswer(Answer):
    """The answer to one applicant."""

    probability_of_default: float = Field(ge=0, le=1, description="Calibrated.")
    points: int = Field(description="Score on the PDO scale; higher is safer.")
    decision: Literal["approve", "refer", "decline"]
    reasons: list[CreditReason] = Field(default_factory=list, description="What cost most points, most first.")
    scorecard: Scorecard | None = Field(None, description="Every column's share in the points; given with the reasons.")


class ChangedValue(BaseModel):
    """One column that would have to be different."""

    column: str
    text: str = Field(description="The change in words.")
    value: Any = Field(description="What the row holds.")
    instead: Any = Field(description="What it would have to hold.")


class Counterfactual(BaseModel):
    """A row that differs in actionable columns only, as the live model answers it."""

    changes: list[ChangedValue]
    probability_of_default: float = Field(ge=0, le=1)
    points: int
    decision: Literal["approve", "refer", "decline"]


class CounterfactualsAnswer(Answer):
    """What would have led to an approval."""

    decision: Literal["approve", "refer", "decline"] = Field(description="Of the applicant as asked about.")
    counterfactuals: list[Counterfactual] = Field(description="The fewest changes first, then the smallest; up to 3.")
    note: str = Field("", description="Why there are none, if there are none.")


def without_protected_inputs(table: Table) -> Table:
    """Protected columns stay known, for reports on fairness, but are no inputs."""
    return table.with_columns({c.name: {"role": "ignore"} for c in table.inputs if c.protected})


def decide(scorer: TableClassifier, policy: CreditPolicy, X: Features) -> dict[str, list[Any]]:
    """Probability, points and decision of encoded applicants."""
    log_odds = scorer.log_odds(X)
    probabilities = probability(log_odds)
    return {
        "probability_of_default": probabilities.tolist(),
        "points": policy.points(log_odds),
        "decision": [
            "approve" if p < policy.approve_below else "decline" if p >= policy.decline_from else "refer"
            for p in probabilities.tolist()
        ],
    }


def account(live: Live, row: Row, x: Features) -> dict[str, Any]:
    """The scorecard, and up to four columns that raised the probability of default most, with their points in it."""
    policy = live.policy
    assert isinstance(policy, CreditPolicy)  # noqa: S101 - a domain's models come with the domain's policy
    explained = live.scorer.explain(x)
    base, points = policy.points(np.array([explained.base, explained.log_odds]))
    in_points = whole_shares(-policy.points_per_log_odds * explained.shares, points - base)
    scorecard = Scorecard(
        reference=live.scorer.background.reference_group,
        base=base,
        shares=dict(zip(live.scorer.column_names, in_points, strict=True)),
    )
    return {
        "reasons": [
            CreditReason(**dict(reason), points=scorecard.shares[reason.column])
            for reason in strongest_reasons(live, row, explained.shares)
        ],
        "scorecard": scorecard,
    }


def answer_counterfactuals(live: Live, row: Row, prediction_id: str) -> CounterfactualsAnswer:
    """The ways to an approval, each answered by the live model before it is shown."""
    found = counterfactuals(live, row)
    rows = [row, *({**row, **changes} for changes in found)]
    answers: list[Any] = respond(live, rows, [prediction_id] * len(rows), reasons="none")
    ways = [
        Counterfactual(
            changes=[_changed(live.table[name], row.get(name), value) for name, value in changes.items()],
            probability_of_default=answer.probability_of_default,
            points=answer.points,
            decision=answer.decision,
        )
        for changes, answer in zip(found, answers[1:], strict=True)
        if answer.decision == DOMAIN.favourable
    ]
    asked = answers[0]
    note = ""
    if asked.decision == DOMAIN.favourable:
        note = "The applicant is approved as asked about."
    elif not any(column.actionable for column in live.table.inputs):
        note = "The table marks no column as actionable, so there is nothing that the applicant could change."
    elif not ways:
        note = f"None found: up to {MOST_CHANGES} changes of actionable columns do not lead to an approval."
    return CounterfactualsAnswer(
        prediction_id=prediction_id,
        model=live.name,
        version=live.version,
        warnings=asked.warnings,
        decision=asked.decision,
        counterfactuals=ways,
        note=note,
    )


def _changed(column: Column, value: Any, instead: Any) -> ChangedValue:
    text = f"{label(column)}: {spoken(column, instead)} instead of {spoken(column, value)}"
    return ChangedValue(column=column.name, text=text, value=value, instead=instead)


def whole_shares(shares: Floats, total: int) -> list[int]:
    """Round shares so that they add up to `total`: down first, then up where the most was cut off (Hamilton's method).

    Each ends less than 1 from where it was, as long as `total` is within 1 of their sum.
    """
    lower = np.floor(shares)
    each, n_up = divmod(total - int(lower.sum()), len(shares))
    up = np.argsort(lower - shares, kind="stable")[:n_up]
    lower[up] += 1
    return [int(share) for share in lower + each]


DOMAIN = Domain(
    name="credit",
    summary="Probability of default of an applicant, points, and approve, refer or decline.",
    table=simulator.TABLE,
    simulate=simulator.simulate,
    n_simulated_rows=20_000,
    split=Split(kind="random"),
    policy=CreditPolicy,
    answer=CreditAnswer,
    prepare=without_protected_inputs,
    build=TableClassifier,
    decide=decide,
    account=account,
    adverse=frozenset({"refer", "decline"}),
    favourable="approve",
    accepted="accepted applicants",
    operations=(
        Operation(
            name="counterfactuals",
            summary="What the applicant could change to be approved: up to three ways, each answered by the model.",
            body=row_type,
            example=Table.example,
            answer=CounterfactualsAnswer,
            respond=answer_counterfactuals,
        ),
    ),
    gates={"auc": 0.55},
)
