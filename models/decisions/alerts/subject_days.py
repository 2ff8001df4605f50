"""Subject days: the transactions of one subject on one day, which a reviewer sees together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.arrays import Floats, Mask

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SubjectDays:
    """Each subject's days with at least one transaction, by day and within a day by subject.

    Parameters
    ----------
    of_rows : which subject's day each transaction belongs to, shape (n_rows,).
    subjects, days : position of the subject and of the day among all that occur, sorted, shape (n_subject_days,).
    n_subjects, n_days : how many of them occur.
    """

    of_rows: Codes
    subjects: Codes
    days: Codes
    n_subjects: int
    n_days: int

    @classmethod
    def of(cls, subjects: npt.NDArray[Any], days: npt.NDArray[Any]) -> SubjectDays:
        """Of transactions in any order; both of shape (n_rows,), of any type that can be sorted."""
        known_subjects, subject_of = np.unique(subjects, return_inverse=True)
        known_days, day_of = np.unique(days, return_inverse=True)
        pairs, of_rows = np.unique(day_of * len(known_subjects) + subject_of, return_inverse=True)
        day, subject = np.divmod(pairs, max(len(known_subjects), 1))
        return cls(of_rows, subject, day, len(known_subjects), len(known_days))

    def __len__(self) -> int:
        """The number of subject days."""
        return len(self.subjects)

    def highest(self, values: Floats) -> Floats:
        """The highest value of a subject's transactions on a day, shape (n_subject_days,)."""
        found = np.full(len(self), -np.inf)
        # Indices repeat, and plain indexing would keep the last value of each
        np.maximum.at(found, self.of_rows, values)
        return found

    def any_of(self, rows: Mask) -> Mask:
        """Whether one of a subject's transactions on a day is among the rows, shape (n_subject_days,)."""
        found: Mask = np.bincount(self.of_rows, rows, len(self)) > 0
        return found

    def highest_before(self, values: Floats) -> Floats:
        """The highest value of the subject on an earlier day, -inf if there is none, shape (n_subject_days,).

        Parameters
        ----------
        values : of each subject's day, shape (n_subject_days,).
        """
        so_far = pd.Series(values).groupby(self.subjects).cummax()
        return np.asarray(so_far.groupby(self.subjects).shift().fillna(-np.inf), np.float64)
