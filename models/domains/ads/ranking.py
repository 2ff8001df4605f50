"""The ranking: each candidate's value, whether it may be shown, and its place."""

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
ONE_MEMBER = "the network has one member, so Thompson sampling has nothing to draw from and shows the best ad"


class RankedAd(BaseModel):
    """One candidate in its place."""

    id: str
    rank: int = Field(ge=1)
    click_probability: float = Field(ge=0, le=1, description="Calibrated.")
    bid: float
    pacing: float = Field(description="The policy's multiplier for the campaign.")
    expected_value: float = Field(description="Click probability times bid times pacing, in the unit of the bids.")
    eligible: bool = Field(description="May be shown.")
    why_not: WhyNot | None = Field(
        description="Why it is not eligible: the campaign is not for this person or context (targeting), has a pacing "
        "multiplier of 0 (paused), was seen by this person as often as allowed (frequency cap), or the expected value "
        "is below the reserve. The first that applies; null if it is eligible."
    )
    propensity: float = Field(ge=0, le=1, description="Probability with which the policy shows this one first.")


class RankAnswer(Answer):
    """The candidates: the one to show, the other eligible ones by value, then the rest by value.

    Equal values keep the order in which they were sent.
    """

    shown: str | None = Field(description="Id of the ad to show first; null if none is eligible.")
    propensity: float | None = Field(description="Probability with which the policy shows it for such a request.")
    chosen_by: ChosenBy | None = Field(
        description="How it was chosen: as the best (greedy), by a uniform draw among the eligible ones (epsilon), or "
        "as the best in the eyes of one member of the network (thompson). The draws follow from the prediction id."
    )
    ads: list[RankedAd]


def rank(live: LiveModel, body: Mapping[str, Any], prediction_id: str) -> RankAnswer:
    """Value the candidates, choose the one to show, and put the others behind it.

    Raises RefusedBodyError for candidates with the same id, and for what the guard forbids.
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
    """The click probability of the ad that was shown, out of an answer as JSON; None if none was."""
    shown = next((ad for ad in answer["ads"] if ad["id"] == answer["shown"]), None)
    return None if shown is None else float(shown["click_probability"])


def log_fields(answer: RankAnswer) -> dict[str, Any]:
    """What a line about the request keeps, so that exploration can be evaluated from the log."""
    kept = ("prediction_id", "model", "version", "policy_version", "shown", "propensity", "chosen_by")
    return {name: getattr(answer, name) for name in kept}


def _why_not(
    table: Table, policy: AdsPolicy, shared: Row, candidate: Candidate, pacing: float, value: float
) -> WhyNot | None:
    """The first rule by which the candidate may not be shown; None if it may."""
    cap = policy.most_impressions_per_person
    if (targeting := campaign_of(candidate).get("targeting")) and not matches(targeting, shared, table):
        return "targeting"
    if pacing == 0:
        return "paused"
    if cap is not None and candidate.get("times_seen", 0) >= cap:
        return "frequency cap"
    return "reserve" if value < policy.reserve else None


def _order(values: Floats, eligible: npt.NDArray[np.bool_], shown: int | None) -> list[int]:
    """Positions of the candidates: the one that is shown, the other eligible ones by value, the rest by value."""
    is_shown = np.arange(len(values)) == shown
    order: list[int] = np.lexsort((-values, ~eligible, ~is_shown)).tolist()  # stable; the last key counts first
    return order


def _ranked(
    candidate: Candidate, probability: float, pacing: float, value: float, why_not: WhyNot | None, propensity: float
) -> dict[str, Any]:
    """A `RankedAd` without its rank, as a dictionary: checked together with the answer they take half the time."""
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
