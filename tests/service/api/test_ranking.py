"""Ranking over HTTP: what the log keeps, and how the guard and bad candidates are answered."""

from __future__ import annotations

from json import dumps

import pytest

from models.domains._discovery import load_domains
from models.domains.ads.request import rank_example

EXAMPLE = rank_example(load_domains()["ads"].table)


JSON = {"content-type": "application/json"}


def with_second(**changes):
    """The example request with some fields of its second candidate changed."""
    first, second = EXAMPLE["candidates"]
    return {**EXAMPLE, "candidates": [first, {**second, **changes}]}


def errors(response):
    """The errors of a refused request by their path."""
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    return {error["path"]: error for error in response.json()["errors"]}


def test_the_log_keeps_what_was_shown_and_how_probable_it_was(start_service, trained_home):
    """The line of a ranking has the ad, its propensity and the prediction's id; other lines are as they were."""
    service = start_service(trained_home)

    answer = service.client.post("/v1/ads/rank", json=EXAMPLE).json()
    service.client.post("/v1/ads/rank", json=with_second(bid=-1))
    service.client.post("/v1/ads/score", json=load_domains()["ads"].table.example())

    ranked, refused, scored = service.log_lines("request")
    kept = {name: ranked[name] for name in ranked.keys() - refused.keys()}
    assert kept == {
        "prediction_id": answer["prediction_id"],
        "policy_version": 0,
        "shown": answer["shown"],
        "propensity": 1.0,
        "chosen_by": "greedy",
    }
    assert answer["shown"] == "ad-2"
    assert scored.keys() == refused.keys()
    assert (ranked["model"], ranked["version"]) == (refused["model"], refused["version"]) == ("ads", 1)


def test_an_activated_policy_explores_and_the_log_says_how(start_service, store):
    """Ads are shown as the policy's propensities say, and each line keeps that of the ad that its answer shows."""
    policies = store.registry.policies
    content = {"exploration": "epsilon-greedy", "epsilon": 0.5, "pacing": {"spring-sale": 2.0}}
    stored = policies.add(
        name="ads", domain="ads", content=content, model_version=1, simulation={}, actor="tests", why=""
    )
    policies.activate("ads", stored.number, actor="tests", why="")
    service = start_service(store.home.path)

    answers = [service.client.post("/v1/ads/rank", json=EXAMPLE).json() for _ in range(40)]

    assert {(a["shown"], a["propensity"]) for a in answers} == {("ad-1", 0.75), ("ad-2", 0.25)}
    assert {a["chosen_by"] for a in answers if a["shown"] == "ad-2"} == {"epsilon"}
    assert {ad["pacing"] for a in answers for ad in a["ads"]} == {1, 2}
    for line, answered in zip(service.log_lines("request"), answers, strict=True):
        assert line["policy_version"] == stored.number
        for name in ("prediction_id", "shown", "propensity", "chosen_by"):
            assert line[name] == answered[name]


def test_the_guard_answers_with_the_place_the_columns_and_what_to_do(client):
    """A problem with one error for the model that reads protected columns and one for targeting by them."""
    campaign = {"id": "c", "category": "Housing", "targeting": {"gender": ["male"]}}

    found = errors(client.post("/v1/ads/rank", json=with_second(campaign=campaign)))

    category = found.pop("/candidates/1/campaign/category")
    assert category["value"] == "Housing"
    assert "reads age, gender" in category["message"]
    assert "--without-protected" in category["message"]
    assert found.keys() == {"/candidates/1/campaign/targeting/gender"}


@pytest.mark.parametrize(
    ("changes", "path", "said"),
    [
        ({"id": "ad-1"}, "/candidates/1/id", "/candidates/0"),
        ({"id": ""}, "/candidates/1/id", "at least 1 character"),
        ({"bid": -0.01}, "/candidates/1/bid", "greater than or equal to 0"),
        ({"bid": float("inf")}, "/candidates/1/bid", "finite"),
        ({"times_seen": -1}, "/candidates/1/times_seen", "greater than or equal to 0"),
        ({"times_seen": 1.5}, "/candidates/1/times_seen", "integer"),
        ({"campaign": "spring"}, "/candidates/1/campaign", "object"),
        ({"campaign": {"id": "c", "targeting": {"age": 30}}}, "/candidates/1/campaign/targeting/age", "object"),
        (
            {"campaign": {"id": "c", "targeting": {"age": {"minimum": 9, "maximum": 8}}}},
            "/candidates/1/campaign/targeting/age",
            "minimum must not exceed maximum",
        ),
        (
            {"campaign": {"id": "c", "targeting": {"gender": ["man"]}}},
            "/candidates/1/campaign/targeting/gender/0",
            "'female', 'male' or 'diverse'",
        ),
        (
            {"campaign": {"id": "c", "targeting": {"regio": ["city"]}}},
            "/candidates/1/campaign/targeting/regio",
            "did you mean 'region'",
        ),
    ],
    ids=lambda part: part if isinstance(part, str) and part.startswith("/") else "",
)
def test_what_is_wrong_with_a_candidate_is_said_at_its_place(client, changes, path, said):
    """Each value has its JSON pointer and a rule in words."""
    found = errors(client.post("/v1/ads/rank", content=dumps(with_second(**changes)), headers=JSON))

    assert found.keys() == {path}
    assert said in found[path]["message"]


@pytest.mark.parametrize(
    ("part", "column", "level"), [("ad", "ad_category", "gardening"), ("person", "gender", "prefers not to say")]
)
def test_an_unseen_level_is_answered_with_a_warning(client, part, column, level):
    """A new kind of ad is no error, and neither is a level of a protected column that the table does not list."""
    ad = EXAMPLE["candidates"][1]["ad"]
    body = with_second(ad={**ad, column: level} if part == "ad" else ad)
    if part == "person":
        body = {**body, "person": {**body["person"], column: level}}

    response = client.post("/v1/ads/rank", json=body)

    assert response.status_code == 200
    (warning,) = response.json()["warnings"]
    assert warning.startswith(f"{column}: {level!r}")
