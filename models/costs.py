"""Costs of decisions and alerts: missed positives, manual review, and blocked good customers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.arrays import Floats, Labels
from models.errors import CutOffError


@dataclass(frozen=True, kw_only=True)
class AlertCosts:
    """Costs in the currency of the amounts.

    Parameters
    ----------
    review : of a manual review of a subject's day.
    blocked_good : of blocking a good customer for a day.
    missed_share : of a missed positive, as a share of its amount; above 1 where a chargeback costs more than that.

    Raises CutOffError for a cost that is negative or not finite, and if none is above 0.
    """

    review: float
    blocked_good: float
    missed_share: float = 1.0

    def __post_init__(self) -> None:
        """Refuse invalid costs."""
        costs = {
            "cost of a review": self.review,
            "cost of a blocked good customer": self.blocked_good,
            "share of a missed positive's amount that is lost": self.missed_share,
        }
        for what, cost in costs.items():
            if not (math.isfinite(cost) and cost >= 0):
                raise CutOffError(f"the {what} must be a finite number of at least 0, got {cost:g}")
        if not any(costs.values()):
            raise CutOffError("one of the costs must be above 0: if nothing costs anything, every decision is right")

    def __str__(self) -> str:
        """In words."""
        share = "" if self.missed_share == 1 else f"{self.missed_share:g} times "
        return f"review {self.review:g}, blocked good customer {self.blocked_good:g}, missed positive {share}its amount"


@dataclass(frozen=True)
class Costs:
    """Costs of the two errors and of a manual review, in any unit: only their ratios matter.

    Parameters
    ----------
    accepted_bad : cost of accepting a row with the bad outcome.
    rejected_good : cost of rejecting one with the good outcome.
    referred : cost of a manual review, which is assumed to decide correctly; None to ignore it.

    Raises CutOffError for a cost that is negative or not finite, and if both errors cost 0.
    """

    accepted_bad: float
    rejected_good: float
    referred: float | None = None

    def __post_init__(self) -> None:
        """Refuse invalid costs."""
        for what, cost in (
            ("accepting a bad row", self.accepted_bad),
            ("rejecting a good one", self.rejected_good),
            ("referring a row", 0.0 if self.referred is None else self.referred),
        ):
            if not (math.isfinite(cost) and cost >= 0):
                raise CutOffError(f"the cost of {what} must be a finite number of at least 0, got {cost:g}")
        if self.accepted_bad == self.rejected_good == 0:
            raise CutOffError(
                "one of the two costs must be above 0: if no error costs anything, every decision is right"
            )

    @classmethod
    def parsed(cls, text: str) -> Costs:
        """Costs written as "5:1", that of accepting a bad row first, or "5:1:0.6" with that of referring one.

        Raises CutOffError for anything else.
        """
        try:
            costs = [float(part) for part in text.split(":")]
        except ValueError:
            costs = []
        if len(costs) not in (2, 3):
            raise CutOffError(
                "costs are two or three numbers, those of accepting a bad row, of rejecting a good one, and of leaving "
                f"one to a person, written 5:1 or 5:1:0.6; got {text!r}"
            )
        return cls(*costs)

    def __str__(self) -> str:
        """As `parsed` reads it."""
        referred = "" if self.referred is None else f":{self.referred:g}"
        return f"{self.accepted_bad:g}:{self.rejected_good:g}{referred}"

    def of_rows(
        self, bad: Floats | Labels, *, accepted: npt.NDArray[np.bool_], rejected: npt.NDArray[np.bool_]
    ) -> Floats:
        """Cost of each row, shape (n_rows,); one that is neither accepted nor rejected is referred.

        Parameters
        ----------
        bad : labels, for the cost that was paid, or calibrated probabilities, for the cost to expect.
        """
        errors = accepted * bad * self.accepted_bad + rejected * (1 - bad) * self.rejected_good
        costs: Floats = errors + (~accepted & ~rejected) * (self.referred or 0.0)
        return costs
