"""Simulation of past days under given decisions: alerted, found, missed and wrongly blocked subjects.

Subjects and days are counted as `models.decisions.alerts.cut_offs` does: at most one review of a subject a day, and a
subject whose positive is found is stopped from the next day on. The value of a positive is detected if its own
transaction was reviewed or blocked; one that passed before its subject was alerted that day is missed, even if the
subject was found.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import BaseModel, Field

from models.arrays import Floats, Mask
from models.costs import AlertCosts
from models.decisions.alerts.transactions import Transactions


class AlertFigures(BaseModel):
    """Results of decisions; counts are sums over the days."""

    n_transactions: int = Field(description="Transactions of subjects that are not stopped.")
    n_frauds: int = Field(description="Positives among them.")
    n_alerts: int = Field(description="Transactions that are reviewed or blocked.")
    n_reviewed: int = Field(description="Subjects reviewed by a person, each once a day.")
    n_blocked: int = Field(description="Subjects blocked without a review, each once a day.")
    n_found: int = Field(description="Reviewed or blocked subjects with a positive on that day.")
    n_missed: int = Field(description="Subjects with a positive on that day that are neither.")
    n_good_blocked: int = Field(description="Blocked subjects without a positive on that day.")
    precision: float | None = Field(description="Share of the found among the reviewed and blocked subjects.")
    value_detected: float | None = Field(description="Amount of the positives that were reviewed or blocked.")
    value_missed: float | None = Field(description="Amount of the positives that passed.")
    value_share: float | None = Field(description="Share of the positive's amount that was detected.")
    cost: float | None = Field(description="By the outcomes.")
    expected_cost: float | None = Field(
        description="By the probabilities, where a subject is good unless its likeliest positive is one; near the "
        "cost if they are calibrated."
    )


class AlertDay(AlertFigures):
    """Results of one day."""

    day: str


class DaySimulation(BaseModel):
    """The days with at least one transaction, and their totals."""

    totals: AlertFigures
    days: list[AlertDay]


def simulate_days(
    past: Transactions, probabilities: Floats, *, reviewed: Mask, blocked: Mask, costs: AlertCosts | None
) -> DaySimulation:
    """Simulate past days under given decisions.

    Parameters
    ----------
    probabilities : of a positive, for the expected cost, shape (n_rows,).
    reviewed, blocked : the decision on each transaction, never both, shape (n_rows,).
    costs : None, or unknown amounts, leave the costs out.
    """
    counts = _counts(past, probabilities, reviewed, blocked, costs)
    names = [str(day) for day in np.unique(past.days)]
    by_day = [{what: values[i] for what, values in counts.items()} for i in range(len(names))]
    return DaySimulation(
        totals=AlertFigures(**_figures({what: values.sum() for what, values in counts.items()})),
        days=[AlertDay(day=day, **_figures(sums)) for day, sums in zip(names, by_day, strict=True)],
    )


def _counts(
    past: Transactions, probabilities: Floats, reviewed: Mask, blocked: Mask, costs: AlertCosts | None
) -> dict[str, Floats]:
    """Figures that sum over days, each of shape (n_days,)."""
    groups, compromised, positive = past.subject_days, past.compromised, past.labels == 1
    alerted = reviewed | blocked
    subject_alerted, subject_blocked = groups.any_of(alerted), groups.any_of(blocked)
    going = _not_stopped(past, subject_alerted & compromised)
    rows_going, day_of_rows = going[groups.of_rows], groups.days[groups.of_rows]

    def by_day(of_subjects: Mask | Floats) -> Floats:
        return np.bincount(groups.days, of_subjects * going, groups.n_days).astype(np.float64)

    def rows_by_day(of_rows: Mask | Floats) -> Floats:
        return np.bincount(day_of_rows, of_rows * rows_going, groups.n_days).astype(np.float64)

    counts = {
        "n_transactions": rows_by_day(np.ones(len(positive))),
        "n_frauds": rows_by_day(positive),
        "n_alerts": rows_by_day(alerted),
        "n_reviewed": by_day(subject_alerted & ~subject_blocked),
        "n_blocked": by_day(subject_blocked),
        "n_found": by_day(subject_alerted & compromised),
        "n_missed": by_day(~subject_alerted & compromised),
        "n_good_blocked": by_day(subject_blocked & ~compromised),
    }
    if past.amounts is None:
        return counts
    counts["value_detected"] = rows_by_day(positive * past.amounts * alerted)
    counts["value_missed"] = rows_by_day(positive * past.amounts * ~alerted)
    if costs is None:
        return counts
    looks = costs.review * counts["n_reviewed"]
    good = 1 - groups.highest(probabilities)
    counts["cost"] = looks + costs.missed_share * counts["value_missed"] + costs.blocked_good * counts["n_good_blocked"]
    counts["expected_cost"] = (
        looks
        + costs.missed_share * rows_by_day(probabilities * past.amounts * ~alerted)
        + costs.blocked_good * by_day(subject_blocked * good)
    )
    return counts


def _not_stopped(past: Transactions, found: Mask) -> Mask:
    """Whether no earlier day of the subject is among the found, which stops it, shape (n_subject_days,)."""
    going: Mask = past.subject_days.highest_before(found.astype(np.float64)) < 1
    return going


def _figures(sums: Mapping[str, float]) -> dict[str, float | int | None]:
    """The fields of `AlertFigures`: counts as whole numbers, and the rates that follow from them."""
    figures: dict[str, float | int | None] = {
        what: round(float(value)) if what.startswith("n_") else float(value) for what, value in sums.items()
    }
    n_subjects = sums["n_reviewed"] + sums["n_blocked"]
    figures["precision"] = float(sums["n_found"] / n_subjects) if n_subjects else None
    detected, missed = sums.get("value_detected"), sums.get("value_missed")
    value = None if detected is None or missed is None else detected + missed
    figures["value_share"] = float(detected / value) if value and detected is not None else None
    return {**dict.fromkeys(("value_detected", "value_missed", "cost", "expected_cost")), **figures}
