"""The answer to a picture, and the pixels that speak for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from models.contract import Answer, LiveModel, Row
from models.encoding import Features
from models.estimators.picture_scorer import PictureScorer


class DigitsAnswer(Answer):
    """The answer to one picture."""

    reading: str = Field(description="The most probable level.")
    probability: float = Field(ge=0, le=1, description="That it is this one; calibrated.")
    second: str = Field(description="The second most probable level.")
    unusual: float = Field(ge=0, le=100, description="Per cent of known pictures that are less unusual than this one.")
    decision: Literal["read", "check"]
    saliency: list[float] = Field(
        default_factory=list,
        description=(
            "If explained: contribution of each pixel, row by row, to the log-odds of the reading against the second; "
            "relative to a blank picture."
        ),
    )
    probabilities: dict[str, float] = Field(description="Of every level.")


def explain(live: LiveModel, row: Row, x: Features, decided: Mapping[str, Any]) -> dict[str, list[float]]:
    """The saliency of an answer; see `models.contract.Domain`."""
    scorer = live.scorer
    assert isinstance(scorer, PictureScorer)  # noqa: S101 - the domain builds no other
    return {"saliency": scorer.saliency(x).tolist()}
