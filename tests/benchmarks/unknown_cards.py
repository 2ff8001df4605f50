"""The rows that the handbook of fraud detection tests on.

Y.-A. Le Borgne, W. Siblini, B. Lebichot, G. Bontempi, Reproducible Machine Learning for Credit Card Fraud Detection -
Practical Handbook, ULB, 2022: section 3.4, "Baseline fraud detection system".
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from models.arrays import Labels, Mask


def rows_of_unknown_cards(
    cards: npt.NDArray[Any],
    days: npt.NDArray[np.integer[Any]],
    labels: Labels,
    *,
    first_day: int,
    label_delay_days: int,
) -> Mask:
    """Which rows are of a card that is not known as compromised on the day of the row, shape (n_rows,).

    A card is known on a day if one of its frauds happened on `first_day` or later, and more than `label_delay_days`
    before that day. The handbook tests on such rows only: its cards that are known are blocked and make no alerts.

    Parameters
    ----------
    cards, days, labels : of the transactions from `first_day` to the last day of the test; days are counted in whole
        numbers.
    first_day : of training. Frauds before it count for nothing, as in the handbook.
    """
    known_cards, subject_of = np.unique(cards, return_inverse=True)
    fraud = (labels == 1) & (days >= first_day)
    never = np.iinfo(np.int64).max
    first_fraud = np.full(len(known_cards), never)
    np.minimum.at(first_fraud, subject_of[fraud], days[fraud])
    unknown: Mask = first_fraud[subject_of] >= days - label_delay_days
    return unknown
