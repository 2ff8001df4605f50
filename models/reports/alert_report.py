"""Alerts in report and card: performance by review budget, and the effect of late labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from pydantic import BaseModel, ConfigDict, Field

from data.sentences import percent
from data.splits import Split
from models.arrays import Mask
from models.contract import AlertBudget, AlertWords
from models.decisions.alerts.budget_curve import BudgetPoint, budget_curve
from models.decisions.alerts.matured_labels import MaturedFigures, label_clock, matured
from models.decisions.alerts.subject_precision import HANDBOOK_K, subject_precision_at_k
from models.decisions.alerts.transactions import Transactions
from models.reports.colours import EVENT, NEUTRAL, OURS
from models.reports.style import Chart, finished
from models.training.trained import Trained


class AlertReport(BaseModel):
    """Alert metrics on the test rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    k: int = Field(description="Subjects per day of `card_precision`.")
    card_precision: float = Field(
        description="Precision@k: share of subjects with a positive among the k highest-scored of a day, averaged over "
        "days; subjects found on an earlier day are left out."
    )
    by_budget: tuple[BudgetPoint, ...] = Field(description="By reviews per day, ascending.")
    clock: MaturedFigures | None = Field(
        description="As of the last test row: by the labels that had matured then, and by all rows. Null without label "
        "delay."
    )


def alert_report(trained: Trained, budget: AlertBudget, split: Split, decisions: Sequence[str]) -> AlertReport | None:
    """Alert metrics on the test rows of a trained model; None if the rows have no times.

    Parameters
    ----------
    split : how its rows were split, with the label delay.
    decisions : on the test rows, by the policy of the bundle.
    """
    table, frame = trained.scorer.table, trained.frame.iloc[trained.rows.test]
    if table.time is None:
        return None
    past, clock = Transactions.of(table, frame, trained.test_labels), None
    if split.kind == "time" and split.label_delay_days > 0:
        alerted = np.isin(np.asarray(decisions, object), [budget.reviewed, budget.blocked])
        clock = _clock(trained, past, frame[table.time.name], alerted, split.label_delay_days)
    probabilities, k = trained.test_probabilities, HANDBOOK_K
    return AlertReport(
        k=k,
        card_precision=subject_precision_at_k(past.subjects, past.days, probabilities, past.labels, k),
        by_budget=budget_curve(past, probabilities),
        clock=clock,
    )


def budget_chart(points: Sequence[BudgetPoint], words: AlertWords) -> Chart:
    """Precision and recall by reviews per day.

    Parameters
    ----------
    points : at least one.
    words : of the domain.
    """
    reviews = [point.reviews_per_day for point in points]
    curves = {
        f"{words.subject} precision": ([point.precision for point in points], OURS, "solid"),
        f"{words.subject} recall": ([point.found_share for point in points], EVENT, "dash"),
        "value recall": ([point.value_share for point in points], NEUTRAL, "dot"),
    }
    figure = go.Figure()
    for name, (shares, colour, dash) in curves.items():
        if any(share is not None for share in shares):
            line = {"color": colour, "dash": dash, "width": 2}
            figure.add_scatter(x=reviews, y=shares, name=name, mode="lines+markers", line=line)
    figure.update_xaxes(title="Reviews per day", type="log", tickvals=reviews, ticktext=[f"{n:,}" for n in reviews])
    figure.update_yaxes(title="Share", tickformat=".0%", range=[0, 1.02])
    return Chart(
        _statement(points, words),
        finished(figure),
        f"Test rows, day by day: each {words.subject} is reviewed at most once a day, and one whose {words.positive} "
        "is found is stopped from the next day on. One cut-off for all days, with that many reviews on average; "
        "nothing is blocked unseen.",
    )


def _statement(points: Sequence[BudgetPoint], words: AlertWords) -> str:
    """Finding at the handbook's review budget, or the largest one below it."""
    point = [point for point in points if point.reviews_per_day <= HANDBOOK_K][-1]
    found, what = point.value_share, f"the value of {words.positives}"
    if found is None:
        found, what = point.found_share, f"the {words.affected}"
    one = point.reviews_per_day == 1
    reviews = f"{point.reviews_per_day:,} review{'' if one else 's'} a day"
    if found is None or point.precision is None:
        return f"With {reviews} there is no {words.positive} to find"
    finds = f"{reviews} {'finds' if one else 'find'} {percent(found)} of {what}"
    return f"{finds}; {percent(point.precision)} of the reviewed {words.subjects} hold one"


def _clock(
    trained: Trained, past: Transactions, times: pd.Series[Any], alerted: Mask, label_delay_days: float
) -> MaturedFigures:
    """Figures as of the last test row, when labels of the last days were still unknown."""
    moments, now = times.to_numpy("datetime64[us]"), times.max().to_pydatetime().replace(tzinfo=UTC)
    known = replace(past, labels=past.labels * matured(moments, now, label_delay_days))
    return label_clock(
        known,
        moments,
        trained.test_probabilities,
        alerted,
        now=now,
        label_delay_days=label_delay_days,
        k=HANDBOOK_K,
    )
