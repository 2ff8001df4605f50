"""Credit policy: the points scale, the cut-offs, and the decision."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

from pydantic import Field, model_validator

from data.table import Table
from models.arrays import Floats, Scores
from models.contract import Columns, CutOffs, Policy, Rows
from models.costs import Costs

Decision: TypeAlias = Literal["approve", "refer", "decline"]

CUT_OFFS = CutOffs(
    lower="approve_below",
    upper="decline_from",
    rejected="decline",
    costs=Costs(accepted_bad=5, rejected_good=1),  # the cost matrix of the German credit data (UCI 144)
)

GRADES = (0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.30, 0.50)
"""Master scale: bounds of the probability of default between nine rating grades, 1 the safest.

Each bound has 2 to 2.5 times the odds of the one before, about 20 points of the default scale or a little more. The
default cut-offs are among them. Basel II (2006, paragraph 404) asks for at least seven.
"""


class CreditPolicy(Policy):
    """The points scale and the cut-offs of the decision."""

    base_points: float = Field(600, ge=-100_000, le=100_000, description="Points of an applicant at the base odds.")
    base_odds: float = Field(
        50, gt=0, le=1_000_000, description="Base odds: good outcomes per bad one at the base points."
    )
    points_to_double_odds: float = Field(20, gt=0, le=10_000, description="PDO: points that double the odds.")
    approve_below: float = Field(0.15, ge=0, le=1, description="Approve below this probability of default.")
    decline_from: float = Field(0.30, ge=0, le=1, description="Decline from this probability of default on.")

    @model_validator(mode="after")
    def _cut_offs_do_not_cross(self) -> CreditPolicy:
        if self.approve_below > self.decline_from:
            raise ValueError(f"approve_below ({self.approve_below}) must not exceed decline_from ({self.decline_from})")
        return self

    @property
    def points_per_log_odds(self) -> float:
        """Points per unit of the log-odds of a good outcome."""
        return self.points_to_double_odds / math.log(2)

    def points(self, log_odds: Floats) -> list[int]:
        """Points at log-odds of default: base + PDO / ln 2 * (ln(odds of a good outcome) - ln(base odds)).

        The log-odds of a good outcome are minus those of default, so higher points are safer.
        """
        points = self.base_points - self.points_per_log_odds * (log_odds + math.log(self.base_odds))
        return [round(value) for value in points.tolist()]


def decide(policy: CreditPolicy, scores: Scores, rows: Rows, table: Table) -> Columns:
    """Probability, points and decision of applicants."""
    probabilities = scores["probability"].tolist()
    return {
        "probability_of_default": probabilities,
        "points": policy.points(scores["log_odds"]),
        "decision": [
            "approve" if p < policy.approve_below else "decline" if p >= policy.decline_from else "refer"
            for p in probabilities
        ],
    }
