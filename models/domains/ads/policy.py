"""What an ad must be worth and how often it may be seen, and how much is risked to learn more."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from data.table import Table
from models.arrays import Scores
from models.contract import Answer, Columns, Policy, Rows

Exploration: TypeAlias = Literal["none", "epsilon-greedy", "thompson"]
MAX_BID = 1e15
"""Bids and reserve are at most that, and multipliers MAX_PACING, so that their products stay finite."""
MAX_PACING = 1e6


class AdsPolicy(Policy):
    """The rules of a ranking: an ad is worth click probability x bid x the pacing multiplier of its campaign."""

    reserve: float = Field(
        0.0, ge=0, le=MAX_BID, description="Least expected value of an ad to be shown, in the unit of the bids."
    )
    most_impressions_per_person: int | None = Field(
        None, ge=1, description="How often a person may see a campaign at most (frequency cap); null for no cap."
    )
    pacing: dict[str, Annotated[float, Field(ge=0, le=MAX_PACING)]] = Field(
        default_factory=dict,
        description="Multiplier of each campaign, by its id; 1 where none is named, 0 pauses a campaign.",
    )
    exploration: Exploration = Field(
        "none",
        description="none: the best ad is shown. epsilon-greedy: the best, or now and then any eligible one. thompson: "
        "the best in the eyes of one of the network's members, drawn anew for each request.",
    )
    epsilon: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Share of the requests that show an eligible ad drawn uniformly, where there is exploration. Above "
        "0 every eligible ad has a positive propensity, which an evaluation of other policies needs.",
    )

    def pacing_of(self, campaign: str | None) -> float:
        """The multiplier of a campaign, by its id; None for an ad without one."""
        return 1.0 if campaign is None else self.pacing.get(campaign, 1.0)


class AdAnswer(Answer):
    """The answer to one pair of person and ad."""

    click_probability: float = Field(ge=0, le=1, description="Calibrated.")


def decide(policy: AdsPolicy, scores: Scores, rows: Rows, table: Table) -> Columns:
    """Click probability of pairs; a single ad is shown or not by the auction, see `ranking`."""
    return {"click_probability": scores["probability"].tolist()}
