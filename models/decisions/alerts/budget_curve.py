"""Precision and recall of reviews by the number of reviews a day."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from models.arrays import Floats
from models.decisions.alerts.cut_offs import cut_off_for_reviews
from models.decisions.alerts.day_simulation import simulate_days
from models.decisions.alerts.transactions import ALWAYS, NEVER, ScoredTransactions, Transactions

BUDGETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
"""Reviews a day on the curve, up to the number of subjects."""


class BudgetPoint(BaseModel):
    """Past days with a number of reviews, if nothing were blocked automatically."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reviews_per_day: int
    review_from: float = Field(description="The cut-off of the probability for this number of reviews.")
    precision: float | None = Field(description="Share of the reviewed subjects with a positive on that day.")
    found_share: float | None = Field(
        description="Share of the subjects with a positive on a day that are reviewed on it."
    )
    value_share: float | None = Field(description="Share of the amount of positives whose own transaction is reviewed.")


def budget_curve(past: Transactions, probabilities: Floats) -> tuple[BudgetPoint, ...]:
    """A point for each of BUDGETS up to the number of subjects of an average day; none for no transactions."""
    scored = ScoredTransactions(past, alert_scores=probabilities, block_scores=np.full(len(probabilities), NEVER))
    subjects_a_day = len(past.subject_days) / max(past.subject_days.n_days, 1)
    return tuple(_point(scored, budget) for budget in BUDGETS if budget <= subjects_a_day)


def _point(scored: ScoredTransactions, reviews_per_day: int) -> BudgetPoint:
    cut_off = cut_off_for_reviews(scored, reviews_per_day, block_from=ALWAYS)
    reviewed = scored.alert_scores >= cut_off
    nothing = np.zeros(len(reviewed), np.bool_)
    totals = simulate_days(scored.past, scored.alert_scores, reviewed=reviewed, blocked=nothing, costs=None).totals
    n_compromised = totals.n_found + totals.n_missed
    return BudgetPoint(
        reviews_per_day=reviews_per_day,
        review_from=cut_off,
        precision=totals.precision,
        found_share=totals.n_found / n_compromised if n_compromised else None,
        value_share=totals.value_share,
    )
