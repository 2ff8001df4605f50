"""Gates: what a new version of a model must reach to go live by itself."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Gates:
    """Settings of the gates of one model; the domain has gates of its own beside them.

    Parameters
    ----------
    min_events : least number of test rows with, and of test rows without, the event. For tasks without an event, the
        test set needs twice as many rows.
    min_auc : least AUC on the test set, beside the domain's; None for no other.
    calibration_tolerance : how far calibration may be off beyond chance: a slope outside
        1 / (1 + tolerance) .. 1 + tolerance fails, and so do odds that are off by more than that factor on average,
        and a ten-bin gap of more than this share of the rarer class.
    margin : how much worse than the champion and than the best earlier version it may be, as a share of the loss of
        always predicting the base rate.
    max_test_rows : how many test rows of the first version are kept as the common test set; 0 keeps none.
    """

    min_events: Annotated[int, Field(ge=1)] = 10
    min_auc: Annotated[float, Field(ge=0, le=1)] | None = None
    calibration_tolerance: Annotated[float, Field(ge=0, le=10)] = 0.25
    margin: Annotated[float, Field(ge=0, le=1)] = 0.01
    max_test_rows: Annotated[int, Field(ge=0)] = 20_000
