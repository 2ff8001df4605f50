"""What alerting costs: frauds that pass, looks at cards, and good customers who are blocked."""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.errors import CutOffError


@dataclass(frozen=True, kw_only=True)
class AlertCosts:
    """Costs in the currency of the amounts.

    Parameters
    ----------
    review : of a person's look at a card.
    blocked_good : of blocking the card of a good customer for a day.
    missed_share : of a missed fraud, as a share of its amount; above 1 where a chargeback costs more than the amount.

    Raises CutOffError for a cost that is negative or not finite, and if none is above 0.
    """

    review: float
    blocked_good: float
    missed_share: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no cost."""
        costs = {
            "cost of a review": self.review,
            "cost of a blocked good customer": self.blocked_good,
            "share of a missed fraud's amount that is lost": self.missed_share,
        }
        for what, cost in costs.items():
            if not (math.isfinite(cost) and cost >= 0):
                raise CutOffError(f"the {what} must be a finite number of at least 0, got {cost:g}")
        if not any(costs.values()):
            raise CutOffError("one of the costs must be above 0: if nothing costs anything, every decision is right")

    def __str__(self) -> str:
        """In words."""
        share = "" if self.missed_share == 1 else f"{self.missed_share:g} times "
        return f"review {self.review:g}, blocked good customer {self.blocked_good:g}, missed fraud {share}its amount"
