"""Card precision top-k of the fraud detection handbook.

Y.-A. Le Borgne, W. Siblini, B. Lebichot, G. Bontempi, Reproducible Machine Learning for Credit Card Fraud Detection -
Practical Handbook, ULB, 2022: section 4.4, "Precision top-k metrics".
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from models.arrays import Floats, Labels
from models.decisions.alerts.subject_days import SubjectDays

HANDBOOK_K = 100
"""The k of the handbook's figures."""


def subject_precision_at_k(
    subjects: npt.NDArray[Any], days: npt.NDArray[Any], scores: Floats, labels: Labels, k: int
) -> float:
    """Share of compromised subjects among the k most suspicious ones of a day, mean over the days, 0..1.

    A subject's score of a day is the highest of its transactions, and it counts as compromised if one of them is
    positive. Subjects found compromised on an earlier day are left out. A day with fewer than k subjects is divided by
    k all the same. Of equal scores the subject that sorts first is alerted first; the handbook leaves that open.

    Parameters
    ----------
    subjects, days, scores, labels : of the transactions, in any order, shape (n_rows,); at least one row. Labels are 0
        or 1; only the order of the scores counts.
    k : subjects that can be reviewed per day, at least 1.
    """
    if k < 1:
        raise ValueError(f"k is the number of subjects reviewed per day, at least 1; got {k}")
    if not len(labels):
        raise ValueError("subject precision needs at least one transaction, got none")
    subject_days = SubjectDays.of(subjects, days)
    highest, compromised = subject_days.highest(scores), subject_days.any_of(labels == 1)
    was_found = np.zeros(subject_days.n_subjects, np.bool_)
    n_found = 0
    for start, end in pairwise(np.searchsorted(subject_days.days, np.arange(subject_days.n_days + 1))):
        left = start + np.flatnonzero(~was_found[subject_days.subjects[start:end]])
        alerted = left[np.argsort(-highest[left], kind="stable")[:k]]
        found = alerted[compromised[alerted]]
        was_found[subject_days.subjects[found]] = True
        n_found += len(found)
    return n_found / (k * subject_days.n_days)
