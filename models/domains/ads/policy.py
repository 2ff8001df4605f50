"""Ads policy: reserve value, frequency cap, pacing and exploration."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from data.table import Table
from models.arrays import Scores
from models.contract import Answer, Columns, Policy, Rows

Exploration: TypeAlias = Literal["none", "epsilon-greedy", "thompson"]
MAX_BID = 1e15
"""Upper limit of bids and reserve; with MAX_PACING it keeps their products finite."""
MAX_PACING = 1e6


class AdsPolicy(Policy):
    """The rules of a ranking: an ad is worth click probability x bid x the pacing multiplier of its campaign."""

    reserve: float = Field(
        0.0,
        ge=0,
        le=MAX_BID,
        description="Reserve: minimum expected value of an ad to be shown, in the unit of the bids.",
    )
    most_impressions_per_person: int | None = Field(
        None, ge=1, description="Frequency cap: maximum impressions of a campaign per person; null for no cap."
    )
    pacing: dict[str, Annotated[float, Field(ge=0, le=MAX_PACING)]] = Field(
        default_factory=dict,
        description="Pacing multiplier by campaign ID; default 1, 0 pauses a campaign.",
    )
    exploration: Exploration = Field(
        "none",
        description="none: the best ad is shown. epsilon-greedy: the best, or with probability epsilon a uniformly "
        "drawn eligible one. thompson: the best according to an ensemble member drawn for each request.",
    )
    epsilon: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Share of requests that show a uniformly drawn eligible ad, if exploration is on. Above 0, every "
        "eligible ad has a positive propensity, which off-policy evaluation needs.",
    )

    def pacing_of(self, campaign: str | None) -> float:
        """Pacing multiplier of a campaign by its ID; None is an ad without a campaign."""
        return 1.0 if campaign is None else self.pacing.get(campaign, 1.0)


class AdAnswer(Answer):
    """The answer to one pair of person and ad."""

    click_probability: float = Field(ge=0, le=1, description="Calibrated.")


def decide(policy: AdsPolicy, scores: Scores, rows: Rows, table: Table) -> Columns:
    """Click probability of pairs; a single ad is shown or not by the auction, see `ranking`."""
    return {"click_probability": scores["probability"].tolist()}
