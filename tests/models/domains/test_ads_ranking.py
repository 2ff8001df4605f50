"""Ranking: what a plain loop over single pairs says, and what a policy's rules make of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from models.answers.respond import respond
from models.domains.ads.policy import AdsPolicy
from models.domains.ads.ranking import ONE_MEMBER, RankAnswer, rank
from models.domains.ads.request import rank_body, rank_example
from models.errors import RefusedBodyError
from tests.models.domains.live_ads import checked_body, live_ads

ad_columns = st.fixed_dictionaries(
    {
        "ad_category": st.sampled_from(["sport", "fashion", "technology", "gardening"]),
        "ad_price_tier": st.sampled_from(["budget", "premium"]),
        "ad_format": st.sampled_from(["banner", "native", "video"]),
    }
)
targetings = st.fixed_dictionaries(
    {},
    optional={
        "region": st.lists(st.sampled_from(["city", "suburb", "country"]), min_size=1),
        "clicks_30d": st.sampled_from([{"minimum": 3}, {"maximum": 2}, {"minimum": 1, "maximum": 5}]),
    },
)
candidates_drawn = st.lists(
    st.fixed_dictionaries(
        {"bid": st.sampled_from([0.0, 0.5, 1.0, 1.0, 2.5]), "ad": ad_columns},
        optional={
            "campaign": st.fixed_dictionaries({"id": st.sampled_from("abc")}, optional={"targeting": targetings}),
            "times_seen": st.integers(0, 4),
        },
    ),
    min_size=1,
    max_size=12,
)
policies = st.builds(
    AdsPolicy,
    reserve=st.sampled_from([0.0, 0.02, 0.1]),
    most_impressions_per_person=st.sampled_from([None, 1, 3]),
    pacing=st.dictionaries(st.sampled_from("abd"), st.sampled_from([0.0, 0.5, 1.7])),
)


def expected_why_not(policy: AdsPolicy, candidate: dict[str, Any], person: dict[str, Any], value: float) -> str | None:
    """The rules once more, for one candidate of the drawn ones."""
    campaign = candidate.get("campaign", {})
    targeting = campaign.get("targeting", {})
    clicks = targeting.get("clicks_30d", {})
    if person["region"] not in targeting.get("region", ["city", "suburb", "country"]):
        return "targeting"
    if not clicks.get("minimum", 0) <= person["clicks_30d"] <= clicks.get("maximum", 1000):
        return "targeting"
    if policy.pacing.get(campaign.get("id")) == 0:
        return "paused"
    if candidate.get("times_seen", 0) >= (policy.most_impressions_per_person or 10**9):
        return "frequency cap"
    return "reserve" if value < policy.reserve else None


@settings(max_examples=60)
@given(candidates_drawn, policies, st.sampled_from(["city", "country"]), st.sampled_from([0, 2, 7]))
def test_a_ranking_is_what_a_plain_loop_over_single_pairs_gives(
    drawn: list[dict[str, Any]], policy: AdsPolicy, region: str, clicks: int
) -> None:
    """Probabilities have the bits of `respond` for each pair alone; values, rules, order and warnings follow."""
    live = live_ads(policy)
    candidates = [{**candidate, "id": f"ad-{i}"} for i, candidate in enumerate(drawn)]
    body = checked_body(live, candidates, region=region, clicks_30d=clicks)

    answer = rank(live, body, "id")

    expected, warnings = [], set()
    for candidate in candidates:
        [single] = respond(live, [{**body["person"], **body["context"], **candidate["ad"]}], ["id"])
        probability = single.click_probability  # type: ignore[attr-defined]
        pacing = policy.pacing.get(candidate.get("campaign", {}).get("id"), 1.0)
        value = probability * (candidate["bid"] * pacing)
        why_not = expected_why_not(policy, candidate, body["person"], value)
        expected.append((candidate["id"], probability, candidate["bid"], pacing, value, why_not is None, why_not))
        warnings |= set(single.warnings)
    expected.sort(key=lambda ad: (not ad[5], -ad[4]))  # a stable sort: equals keep their order
    assert [
        (ad.id, ad.click_probability, ad.bid, ad.pacing, ad.expected_value, ad.eligible, ad.why_not)
        for ad in answer.ads
    ] == expected
    assert [ad.rank for ad in answer.ads] == list(range(1, len(candidates) + 1))
    assert answer.warnings == sorted(warnings)
    best = expected[0] if expected[0][5] else None
    assert answer.shown == (best and best[0])
    assert [ad.propensity for ad in answer.ads] == [float(ad is best) for ad in expected]


def test_a_bid_of_nothing_is_shown_only_where_nothing_is_asked() -> None:
    """Its value is 0: eligible without a reserve, behind every other; not eligible under any reserve."""
    candidates = [{"id": "house ad", "bid": 0}, {"id": "paid", "bid": 0.01}]
    for reserve, why_not in ((0, None), (1e-9, "reserve")):
        live = live_ads(AdsPolicy(reserve=reserve))
        answer = rank(live, checked_body(live, candidates), "id")
        assert (answer.shown, answer.ads[1].id, answer.ads[1].why_not) == ("paid", "house ad", why_not)


def test_if_no_ad_is_eligible_none_is_shown() -> None:
    """The ranking still has the value of each, and the reason for excluding it."""
    live = live_ads(AdsPolicy(pacing={"a": 0}, exploration="thompson", epsilon=0.5))
    paused = [{"id": str(i), "bid": 1 + i, "campaign": {"id": "a"}} for i in range(3)]

    answer = rank(live, checked_body(live, paused), "id")

    assert (answer.shown, answer.propensity, answer.chosen_by) == (None, None, None)
    assert {(ad.why_not, ad.propensity, ad.expected_value) for ad in answer.ads} == {("paused", 0, 0)}
    RankAnswer.model_validate_json(answer.model_dump_json())


def test_what_is_shown_comes_first_and_the_ineligible_last() -> None:
    """So a caller with several places can fill them from the top."""
    live = live_ads(AdsPolicy(exploration="epsilon-greedy", epsilon=1, most_impressions_per_person=1))
    candidates = [{"id": str(i), "bid": 1 + i, "times_seen": int(i == 5)} for i in range(6)]
    shown = set()
    for number in range(30):
        answer = rank(live, checked_body(live, candidates), f"id-{number}")
        shown.add(answer.shown)
        assert answer.ads[0].id == answer.shown
        assert answer.ads[0].propensity == answer.propensity == pytest.approx(1 / 5)
        assert [ad.id for ad in answer.ads[1:]] == [i for i in "43210" if i != answer.shown] + ["5"]
    assert shown == set("01234")


def test_candidates_with_the_same_id_are_refused() -> None:
    """Displays are reported by ID; every repeated ID is named."""
    live = live_ads()
    body = checked_body(live, [{"id": i, "bid": 1} for i in ("a", "b", "a", "a")])

    with pytest.raises(RefusedBodyError) as caught:
        rank(live, body, "id")

    assert [field.place for field in caught.value.fields] == [("candidates", 2, "id"), ("candidates", 3, "id")]
    assert "/candidates/0" in caught.value.fields[0].message


def test_thompson_sampling_with_one_member_says_that_it_is_greedy() -> None:
    """There is nothing to draw from, so the best ad has the whole propensity."""
    live = live_ads(AdsPolicy(exploration="thompson", epsilon=0), n_members=1)
    answer = rank(live, checked_body(live, [{"id": "a", "bid": 1}, {"id": "b", "bid": 2}]), "id")

    assert answer.warnings == [ONE_MEMBER]
    assert (answer.shown, answer.propensity) == ("b", 1)


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ({"reserve": float("nan")}, "reserve"),
        ({"reserve": -0.1}, "reserve"),
        ({"most_impressions_per_person": 0}, "most_impressions_per_person"),
        ({"pacing": {"a": -1}}, "pacing"),
        ({"pacing": {"a": float("inf")}}, "pacing"),
        ({"pacing": {"a": float("nan")}}, "pacing"),
        ({"exploration": "softmax"}, "exploration"),
        ({"epsilon": 1.01}, "epsilon"),
        ({"epsilon": float("nan")}, "epsilon"),
    ],
)
def test_an_impossible_policy_is_refused(policy: dict[str, Any], field: str) -> None:
    """With the field named."""
    with pytest.raises(ValidationError, match=field):
        AdsPolicy(**policy)


@pytest.mark.parametrize("bid", [-1, 1e16, "1", None, True, "NaN"], ids=repr)
def test_a_bid_that_is_no_price_is_refused(bid: Any) -> None:
    """Bids are finite and not negative, so that every value is finite."""
    live = live_ads()
    body = rank_example(live.table)
    body["candidates"][1]["bid"] = bid

    with pytest.raises(ValidationError) as caught:
        TypeAdapter(rank_body(live.table)).validate_json(json.dumps(body))

    assert {error["loc"] for error in caught.value.errors()} == {("candidates", 1, "bid")}


def test_the_largest_bid_and_multiplier_have_a_finite_value() -> None:
    """An answer can be written as JSON whatever the policy allows."""
    live = live_ads(AdsPolicy(pacing={"a": 1e6}))
    answer = rank(live, checked_body(live, [{"id": "a", "bid": 1e15, "campaign": {"id": "a"}}]), "id")
    assert 0 < answer.ads[0].expected_value <= 1e21
