"""Transactions of one card on one day, taken together: what a person looks at is a card's day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.scoring import Floats, Labels

Codes = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class CardDays:
    """Each card's days with at least one transaction, by day and within a day by card.

    Parameters
    ----------
    of_rows : which card's day each row belongs to, shape (n_rows,).
    cards, days : position of the card and of the day among all that occur, sorted, shape (n_card_days,).
    scores : the highest score of the card on that day, shape (n_card_days,).
    labels : 1 if one of its transactions on that day is fraud, shape (n_card_days,).
    """

    of_rows: Codes
    cards: Codes
    days: Codes
    scores: Floats
    labels: Labels

    @classmethod
    def of(cls, cards: npt.NDArray[Any], days: npt.NDArray[Any], scores: Floats, labels: Labels) -> CardDays:
        """Of rows in any order; all four of shape (n_rows,), cards and days of any type that can be sorted."""
        known_cards, card_of = np.unique(cards, return_inverse=True)
        _, day_of = np.unique(days, return_inverse=True)
        pairs, of_rows = np.unique(day_of * len(known_cards) + card_of, return_inverse=True)
        highest = np.full(len(pairs), -np.inf)
        np.maximum.at(highest, of_rows, scores)
        fraud = np.zeros(len(pairs), np.int64)
        np.maximum.at(fraud, of_rows, labels)
        day, card = np.divmod(pairs, max(len(known_cards), 1))
        return cls(of_rows, card, day, highest, fraud)
