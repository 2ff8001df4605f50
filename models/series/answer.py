"""What a forecaster answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.arrays import Floats
from models.series.settings import MEDIAN

Method = Literal["network", "bank", "naive"]

LEARNED: dict[Method, str] = {
    "network": "on windows held out the network was better than the smoothers and the last value",
    "bank": "on windows held out the smoothers were better than the last value, and the network no better than they",
    "naive": "on windows held out neither the network nor the smoothers were better than the last value",
}
UNTRAINED = "no series has enough values to learn from, so the last value stands"
SHORT = "the history has {n} of the {least} values that a forecast needs, so the last value stands"
UNMOVED = "the history has never moved; the intervals are those of other series of its size"
UNKNOWN_SIZE = (
    "the history has never moved, and no other series tells how such a one moves; the intervals have no width"
)


@dataclass(frozen=True)
class Forecast:
    """The path of one series.

    Attributes
    ----------
    quantiles : of the value at each step, rising in each row, (horizon, n_levels); the levels are `LEVELS`.
    method : what made the median; `why`, in words.
    warnings : what the reader of the intervals must know.
    """

    quantiles: Floats
    method: Method
    why: str
    warnings: tuple[str, ...] = ()

    @property
    def median(self) -> Floats:
        """The middle of each step, (horizon,)."""
        return self.quantiles[:, MEDIAN]
