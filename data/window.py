"""Window: an aggregate over the earlier events of the row's card, account or other entity."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict
from pydantic.dataclasses import dataclass

from data.errors import TableError

Measure = Literal["count", "sum", "mean", "max", "distinct", "since_last", "z_score", "positives", "positive_rate"]

OF_AMOUNTS: tuple[Measure, ...] = ("sum", "mean", "max", "z_score")
"""Measures of a column of numbers."""
OF_LABELS: tuple[Measure, ...] = ("positives", "positive_rate")
"""Measures of the outcomes of earlier events, as far as known."""
USUAL_LABEL_DELAY_DAYS = 7.0
FORMER_NAMES = {"frauds": "positives", "risk": "positive_rate"}
"""Former names of measures, still read in tables."""


def current_measure(name: Any) -> Any:
    """The present name of a measure; anything else unchanged."""
    return FORMER_NAMES.get(name, name) if isinstance(name, str) else name


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Window:
    """A measure of the events of one entity in the days before a row.

    A row at time t sees the entity's events from t - days (inclusive) to t (exclusive). Times are in whole seconds, so
    rows of the same second do not see each other, in any order, and no row sees itself.

    Parameters
    ----------
    entity : column with the role `entity`: the window covers events with the row's value in it.
    measure : `count` of the events; `sum`, `mean` and `max` of a number; how many `distinct` values of another column;
        seconds `since_last` event; `z_score` of the row's own number, (value - mean) / standard deviation of those in
        the window; confirmed `positives`, and the `positive_rate`, their share of the events. The last two look at a
        window that ends `label_delay_days` before t; "frauds" and "risk", their former names, are read too.
    days : length of the window.
    of : the column to aggregate, or whose distinct values are counted; None for other measures.
    label_delay_days : how long after its event a label is known; a later label counts from its arrival on.
    """

    entity: str
    measure: Annotated[Measure, BeforeValidator(current_measure)]
    days: float
    of: str | None = None
    label_delay_days: float = USUAL_LABEL_DELAY_DAYS

    def __post_init__(self) -> None:
        """Refuse invalid parameters."""
        for name, days in (("days", self.days), ("label_delay_days", self.label_delay_days)):
            if not (math.isfinite(days) and days >= 0):
                raise TableError(
                    f"window of {self.entity!r}: {name} must be a finite number of at least 0, got {days:g}"
                )
        if self.seconds < 1:
            raise TableError(f"window of {self.entity!r}: days must come to at least a second, got {self.days:g}")
        if (self.of is not None) != (self.measure in (*OF_AMOUNTS, "distinct")):
            needs = "needs" if self.of is None else "has no"
            raise TableError(f"window of {self.entity!r}: the measure {self.measure!r} {needs} column `of`")

    @property
    def seconds(self) -> int:
        """Length of the window."""
        return round(self.days * 86_400)

    @property
    def delay_seconds(self) -> int:
        """Seconds from the end of the window to the row."""
        return round(self.label_delay_days * 86_400) if self.measure in OF_LABELS else 0

    @property
    def reach_seconds(self) -> int:
        """Seconds from the start of the window to the row."""
        return self.seconds + self.delay_seconds
