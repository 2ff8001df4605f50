"""Ranking of candidate ads: value, eligibility and position."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field

from data.table import Table
from models.arrays import Floats
from models.contract import Answer, LiveModel, Row
from models.domains.ads.exploration import ChosenBy, choose
from models.domains.ads.guard import forbidden
from models.domains.ads.pairs import click_probabilities, distinct_ads, pair_warnings
from models.domains.ads.policy import AdsPolicy
from models.domains.ads.request import Candidate, campaign_of, doubled_ids, shared_columns
from models.domains.ads.targeting import matches
from models.errors import RefusedBodyError

WhyNot: TypeAlias = Literal["targeting", "paused", "frequency cap", "reserve"]
ONE_MEMBER = "Thompson sampling needs an ensemble; this network has one member, so the best ad is shown"


class RankedAd(BaseModel):
    """One candidate of the ranking."""

    id: str
    rank: int = Field(ge=1)
    click_probability: float = Field(ge=0, le=1, description="Calibrated.")
    bid: float
    pacing: float = Field(description="The policy's multiplier for the campaign.")
    expected_value: float = Field(description="Click probability times bid times pacing, in the unit of the bids.")
    eligible: bool = Field(description="Whether the ad may be shown.")
    why_not: WhyNot | None = Field(
        description="First reason why it is not eligible: the campaign does not target this person or context "
        "(targeting), its pacing multiplier is 0 (paused), the person has seen it as often as allowed (frequency cap), "
        "or the expected value is below the reserve. Null if eligible."
    )
    propensity: float = Field(ge=0, le=1, description="Probability that the policy shows this ad first.")


class RankAnswer(Answer):
    """The ranking: the ad to show, the other eligible ads by value, then the rest by value.

    Ties keep request order.
    """

    shown: str | None = Field(description="ID of the ad to show first; null if none is eligible.")
    propensity: float | None = Field(description="Probability that the policy shows it for this request.")
    chosen_by: ChosenBy | None = Field(
        description="How it was chosen: highest value (greedy), uniform draw among the eligible ads (epsilon), or "
        "highest value according to one ensemble member (thompson). Draws are seeded by the prediction ID."
    )
    ads: list[RankedAd]


def rank(live: LiveModel, body: Mapping[str, Any], prediction_id: str) -> RankAnswer:
    """Value the candidates, choose the one to show, and rank the others after it.

    Raises RefusedBodyError for duplicate candidate IDs, and for what the guard forbids.
    """
    policy = live.policy
    assert isinstance(policy, AdsPolicy)  # noqa: S101 - a domain's models come with the domain's policy
    candidates, shared = body["candidates"], shared_columns(body)
    if refused := doubled_ids(candidates) + forbidden(live.table, candidates):
        raise RefusedBodyError(refused)
    distinct = distinct_ads(live.table, candidates)
    probabilities, of_members = click_probabilities(live, shared, distinct)
    pacing = [policy.pacing_of(campaign_of(candidate).get("id")) for candidate in candidates]
    per_click = np.array([candidate["bid"] for candidate in candidates]) * pacing
    values = probabilities * per_click
    why_not = [
        _why_not(live.table, policy, shared, candidate, multiplier, value)
        for candidate, multiplier, value in zip(candidates, pacing, values.tolist(), strict=True)
    ]
    eligible = np.array([why is None for why in why_not])
    choice = choose(policy, values, of_members * per_click, eligible, prediction_id)
    columns = zip(
        candidates, probabilities.tolist(), pacing, values.tolist(), why_not, choice.propensities.tolist(), strict=True
    )
    ads = [_ranked(*of_candidate) for of_candidate in columns]
    order = _order(values, eligible, choice.shown)
    return RankAnswer(
        prediction_id=prediction_id,
        model=live.name,
        version=live.version,
        policy_version=live.policy_version,
        warnings=pair_warnings(live, shared, distinct) + _exploration_warnings(policy, len(of_members)),
        shown=None if choice.shown is None else candidates[choice.shown]["id"],
        propensity=None if choice.shown is None else choice.propensities[choice.shown],
        chosen_by=choice.chosen_by,
        ads=[ads[i] | {"rank": place} for place, i in enumerate(order, start=1)],
    )


def shown_probability(answer: Mapping[str, Any]) -> float | None:
    """Click probability of the shown ad in an answer as JSON; None if no ad was shown."""
    shown = next((ad for ad in answer["ads"] if ad["id"] == answer["shown"]), None)
    return None if shown is None else float(shown["click_probability"])


def log_fields(answer: RankAnswer) -> dict[str, Any]:
    """Fields of the request's log line, from which exploration can be evaluated."""
    kept = ("prediction_id", "model", "version", "policy_version", "shown", "propensity", "chosen_by")
    return {name: getattr(answer, name) for name in kept}


def _why_not(
    table: Table, policy: AdsPolicy, shared: Row, candidate: Candidate, pacing: float, value: float
) -> WhyNot | None:
    """The first rule that makes the candidate ineligible; None if it is eligible."""
    cap = policy.most_impressions_per_person
    if (targeting := campaign_of(candidate).get("targeting")) and not matches(targeting, shared, table):
        return "targeting"
    if pacing == 0:
        return "paused"
    if cap is not None and candidate.get("times_seen", 0) >= cap:
        return "frequency cap"
    return "reserve" if value < policy.reserve else None


def _order(values: Floats, eligible: npt.NDArray[np.bool_], shown: int | None) -> list[int]:
    """Indices of the candidates in ranking order, see `RankAnswer`."""
    is_shown = np.arange(len(values)) == shown
    order: list[int] = np.lexsort((-values, ~eligible, ~is_shown)).tolist()  # stable; the last key is the primary one
    return order


def _ranked(
    candidate: Candidate, probability: float, pacing: float, value: float, why_not: WhyNot | None, propensity: float
) -> dict[str, Any]:
    """A `RankedAd` without its rank, as a dictionary: validating all with the answer halves the time."""
    return {
        "id": candidate["id"],
        "click_probability": probability,
        "bid": candidate["bid"],
        "pacing": pacing,
        "expected_value": value,
        "eligible": why_not is None,
        "why_not": why_not,
        "propensity": propensity,
    }


def _exploration_warnings(policy: AdsPolicy, n_members: int) -> list[str]:
    return [ONE_MEMBER] if policy.exploration == "thompson" and n_members == 1 else []
