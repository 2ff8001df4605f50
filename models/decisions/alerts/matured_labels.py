"""Performance on matured labels, next to the biased figures that count unlabelled transactions as genuine too early.

A positive becomes known only days later, by a complaint or a review. Until then a transaction looks genuine, so an
evaluation on all transactions to date uses partly wrong labels.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field
from sklearn.metrics import average_precision_score, roc_auc_score

from models.arrays import Floats, Mask
from models.decisions.alerts.subject_precision import subject_precision_at_k
from models.decisions.alerts.transactions import Transactions

Times = npt.NDArray[np.datetime64]


class LabelledFigures(BaseModel):
    """Performance of scores by some labels; undefined figures are null."""

    n_rows: int
    n_frauds: int
    auc: float | None = Field(description="Area under the ROC curve.")
    average_precision: float | None = Field(description="Area under the precision-recall curve.")
    card_precision: float | None = Field(
        description="Share of compromised subjects among the k most suspicious of a day."
    )
    value_recall: float | None = Field(description="Share of the amount of the positives that was reviewed or blocked.")


class MaturedFigures(BaseModel):
    """Performance of a model at one moment, by matured labels and by all transactions to date."""

    now: datetime
    label_delay_days: float
    k: int = Field(description="Subjects per day for subject precision.")
    n_waiting: int = Field(description="Transactions to date whose label has not matured.")
    matured: LabelledFigures
    naive: LabelledFigures
    sentence: str = Field(description="Why the two differ.")


def matured(times: Times, now: datetime, label_delay_days: float) -> Mask:
    """Which transactions have a matured label, shape (n_rows,).

    Parameters
    ----------
    times : when they happened, in UTC without a zone, shape (n_rows,).
    now : in UTC, with or without a zone.
    """
    delay = np.timedelta64(round(label_delay_days * 86_400_000_000), "us")
    old_enough: Mask = times + delay <= _moment(now)
    return old_enough


def label_clock(
    transactions: Transactions,
    times: Times,
    scores: Floats,
    alerted: Mask,
    *,
    now: datetime,
    label_delay_days: float,
    k: int,
) -> MaturedFigures:
    """Evaluate scores at a moment, by matured labels and by all labels to date.

    Parameters
    ----------
    transactions : with labels as known at that moment: 0 unless confirmed as positive. Later ones are left out.
    times : see `matured`. scores : higher is more suspicious, shape (n_rows,).
    alerted : which were reviewed or blocked, shape (n_rows,).
    k : subjects a day, for subject precision.
    """
    to_date = times <= _moment(now)
    settled = to_date & matured(times, now, label_delay_days)
    ripe, naive = (_figures(transactions, scores, alerted, part, k) for part in (settled, to_date))
    return MaturedFigures(
        now=now,
        label_delay_days=label_delay_days,
        k=k,
        n_waiting=naive.n_rows - ripe.n_rows,
        matured=ripe,
        naive=naive,
        sentence=_sentence(ripe, naive, now, label_delay_days),
    )


def _figures(transactions: Transactions, scores: Floats, alerted: Mask, part: Mask, k: int) -> LabelledFigures:
    """Performance on some of the transactions."""
    labels, scores = transactions.labels[part], scores[part]
    n_frauds = int(labels.sum())
    both = 0 < n_frauds < len(labels)
    subjects = (
        subject_precision_at_k(transactions.subjects[part], transactions.days[part], scores, labels, k)
        if both
        else None
    )
    return LabelledFigures(
        n_rows=len(labels),
        n_frauds=n_frauds,
        auc=float(roc_auc_score(labels, scores)) if both else None,
        average_precision=float(average_precision_score(labels, scores)) if both else None,
        card_precision=subjects,
        value_recall=_value_recall(transactions, alerted, part),
    )


def _value_recall(transactions: Transactions, alerted: Mask, part: Mask) -> float | None:
    if transactions.amounts is None:
        return None
    values = (transactions.labels * transactions.amounts)[part]
    return float(values[alerted[part]].sum() / values.sum()) if values.sum() else None


def _sentence(ripe: LabelledFigures, naive: LabelledFigures, now: datetime, label_delay_days: float) -> str:
    n_waiting, to_date = naive.n_rows - ripe.n_rows, f"{naive.n_rows:,} transactions to {now:%Y-%m-%d %H:%M}"
    if not naive.n_rows:
        return f"There are no transactions up to {now:%Y-%m-%d %H:%M}."
    if not n_waiting:
        return f"All of the {to_date} are older than the {label_delay_days:g} days that labels take: no difference."
    young = f"{n_waiting:,} of the {to_date} are younger than the {label_delay_days:g} days that labels take"
    if ripe.average_precision is None or naive.average_precision is None:
        return f"{young}, and those with a label are all positive or all negative: too early to evaluate."
    return (
        f"{young}. Counted at once, those without a label pass for negative: positives that the model found look like "
        "false alarms, and those that it missed go unnoticed. So the average precision is "
        f"{naive.average_precision:.3f} on all transactions, but {ripe.average_precision:.3f} on matured labels."
    )


def _moment(now: datetime) -> np.datetime64:
    """A moment in UTC without a zone, like the times of the rows."""
    return np.datetime64(now if now.tzinfo is None else now.astimezone(UTC).replace(tzinfo=None))
