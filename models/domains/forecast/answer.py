"""The answer to one series: a path of quantiles, and what it is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, Field

from models.arrays import Floats
from models.contract import Answer
from models.series.answer import Method
from models.series.settings import LEVELS

QUANTILES = ("lo95", "lo80", "lo50", "median", "hi50", "hi80", "hi95")
"""Fields of a step, in the order of the levels."""
assert len(QUANTILES) == len(LEVELS)  # noqa: S101 - they are zipped everywhere

Decision = Literal["rise", "fall", "open"]


class Step(BaseModel):
    """One step of the path; values with the same number bound an interval."""

    h: int = Field(description="Steps from the last value, from 1 on.")
    time: str | None = Field(
        description="Its time, ISO 8601; null without a frequency in the table or a time in the row."
    )
    median: float
    lo50: float
    hi50: float
    lo80: float
    hi80: float
    lo95: float
    hi95: float


class Skill(BaseModel):
    """How much smaller the errors are than those of the last value, on rows that the model had not seen."""

    value: float = Field(description="1 - error / error of the last value: 0 is no better, 1 perfect.")
    low: float = Field(description="Lower end of its 95 % interval.")
    high: float = Field(description="Upper end of it.")
    n_rows: int = Field(description="Forecasts that it was measured on.")


class ForecastAnswer(Answer):
    """The answer to one series."""

    decision: Decision = Field(description="Whether the interval of the policy lies on one side of the last value.")
    change: float = Field(description="Median change at the last step, in usual steps of the series.")
    origin: str | None = Field(description="Time of the last value, if it was sent.")
    method: Method = Field(description="What made the median; naive is the last value.")
    why: str = Field(description="Why this one, in words.")
    naive: float = Field(description="The last value, which is the forecast to beat.")
    scale: float = Field(description="The usual step: the mean change of the series, over a season if it has one.")
    skill: Skill | None = Field(description="Of the model; null where the answer is the last value itself.")
    steps: list[Step]
    notes: list[str] = Field(description="What the reader of the intervals must know.")


def answered(answer: Mapping[str, Any]) -> Floats | None:
    """The path of an answer as `models.series.paths` has it; None for an answer without."""
    steps = answer.get("steps")
    if steps is None:
        return None
    beside = [answer["naive"], answer["scale"]]
    return np.array([[*(step[name] for name in QUANTILES), *beside] for step in steps], np.float64)
