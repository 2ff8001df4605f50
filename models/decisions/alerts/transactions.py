"""Past transactions for alerts: subject, day, amount and label."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.column import Column
from data.spellings import number_codes
from data.table import Table
from models.arrays import Floats, Labels, Mask
from models.decisions.alerts.subject_days import SubjectDays

ALWAYS, NEVER = 1.0, float("-inf")
"""Scores of transactions that every cut-off alerts, since none is above 1, and that no cut-off alerts."""
ALL_ROWS = "all rows"
"""The day of rows without a time."""


@dataclass(frozen=True, eq=False)
class Transactions:
    """Transactions with a known outcome, in any order.

    Parameters
    ----------
    subjects, days : of any type that can be sorted, shape (n_rows,).
    labels : 1 for positive, shape (n_rows,).
    amounts : the cost of a positive, shape (n_rows,); None if unknown.
    """

    subjects: npt.NDArray[Any]
    days: npt.NDArray[Any]
    labels: Labels
    amounts: Floats | None

    @classmethod
    def of(cls, table: Table, frame: pd.DataFrame, labels: Labels) -> Transactions:
        """Transactions of a checked frame, their days in UTC.

        A row without a subject is a subject of its own, and so is every row where the table has none. Without times all
        rows are of one day, `ALL_ROWS`. A missing amount counts as 0.
        """
        subject, amount, n_rows = table.subject, table.amount, len(frame)
        return cls(
            subjects=np.arange(n_rows) if subject is None else _numbered(frame[subject.name]),
            days=np.full(n_rows, ALL_ROWS) if table.time is None else frame[table.time.name].to_numpy("datetime64[D]"),
            labels=labels,
            amounts=None if amount is None else _given(amount, frame[amount.name]),
        )

    @cached_property
    def subject_days(self) -> SubjectDays:
        """The transactions by subject and day."""
        return SubjectDays.of(self.subjects, self.days)

    @cached_property
    def compromised(self) -> Mask:
        """Whether a subject's day holds a positive, shape (n_subject_days,)."""
        return self.subject_days.any_of(self.labels == 1)


@dataclass(frozen=True, eq=False)
class ScoredTransactions:
    """Transactions with the cut-offs up to which they are alerted and blocked.

    Both are the probability of a positive where the model alone decides. Decisions regardless of the probability, by an
    anomaly score or a rule, are `ALWAYS` or `NEVER`.

    Parameters
    ----------
    alert_scores : up to which review cut-off each is reviewed or blocked, shape (n_rows,).
    block_scores : up to which block cut-off each is blocked, at most its alert score, shape (n_rows,).
    """

    past: Transactions
    alert_scores: Floats
    block_scores: Floats

    @cached_property
    def alerted_to(self) -> Floats:
        """The highest review cut-off that alerts a subject on a day, shape (n_subject_days,)."""
        return self.past.subject_days.highest(self.alert_scores)

    @cached_property
    def blocked_to(self) -> Floats:
        """The highest block cut-off that blocks a subject on a day, shape (n_subject_days,)."""
        return self.past.subject_days.highest(self.block_scores)

    @cached_property
    def stopped_to(self) -> Floats:
        """Up to which review cut-off an earlier day finds the subject, and so stops it, shape (n_subject_days,)."""
        found_to = np.where(self.past.compromised, self.alerted_to, NEVER)
        return self.past.subject_days.highest_before(found_to)


def _given(column: Column, values: pd.Series[Any]) -> Floats:
    """The numbers of a column, 0 for missing values and their codes, shape (n_rows,)."""
    codes = [code for code in number_codes(column).values() if code is not None]
    return values.mask(values.isin(codes)).fillna(0).to_numpy(np.float64)


def _numbered(ids: pd.Series[Any]) -> npt.NDArray[Any]:
    """A number for each id, shape (n_rows,); each row without an id gets a number of its own."""
    codes, known = pd.factorize(ids)
    return np.where(codes < 0, len(known) + np.arange(len(codes)), codes)
