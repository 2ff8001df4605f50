"""Transactions of one card on one day, taken together: what a person looks at is a card's day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.arrays import Floats, Mask

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CardDays:
    """Each card's days with at least one transaction, by day and within a day by card.

    Parameters
    ----------
    of_rows : which card's day each transaction belongs to, shape (n_rows,).
    cards, days : position of the card and of the day among all that occur, sorted, shape (n_card_days,).
    n_cards, n_days : how many of them occur.
    """

    of_rows: Codes
    cards: Codes
    days: Codes
    n_cards: int
    n_days: int

    @classmethod
    def of(cls, cards: npt.NDArray[Any], days: npt.NDArray[Any]) -> CardDays:
        """Of transactions in any order; both of shape (n_rows,), of any type that can be sorted."""
        known_cards, card_of = np.unique(cards, return_inverse=True)
        known_days, day_of = np.unique(days, return_inverse=True)
        pairs, of_rows = np.unique(day_of * len(known_cards) + card_of, return_inverse=True)
        day, card = np.divmod(pairs, max(len(known_cards), 1))
        return cls(of_rows, card, day, len(known_cards), len(known_days))

    def __len__(self) -> int:
        """How many days of cards there are."""
        return len(self.cards)

    def highest(self, values: Floats) -> Floats:
        """The highest value of a card's transactions on a day, shape (n_card_days,)."""
        found = np.full(len(self), -np.inf)
        np.maximum.at(found, self.of_rows, values)
        return found

    def any_of(self, rows: Mask) -> Mask:
        """Whether one of a card's transactions on a day is among the rows, shape (n_card_days,)."""
        found: Mask = np.bincount(self.of_rows, rows, len(self)) > 0
        return found

    def highest_before(self, values: Floats) -> Floats:
        """The highest value of the card on an earlier day, -inf if there is none, shape (n_card_days,).

        Parameters
        ----------
        values : of each card's day, shape (n_card_days,).
        """
        so_far = pd.Series(values).groupby(self.cards).cummax()
        return np.asarray(so_far.groupby(self.cards).shift().fillna(-np.inf), np.float64)
