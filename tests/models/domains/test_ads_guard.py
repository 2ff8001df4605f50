"""The guard: housing, employment and credit are not for protected columns to decide."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from models.domains.ads.ranking import rank
from models.errors import RefusedBodyError
from tests.models.domains.live_ads import checked_body, live_ads


def refused(live: Any, campaign: dict[str, Any]) -> dict[str, str]:
    """The paths of the errors for a campaign next to a valid one."""
    body = checked_body(live, [{"id": "a", "bid": 1}, {"id": "b", "bid": 1, "campaign": {"id": "c", **campaign}}])
    try:
        rank(live, body, "id")
    except RefusedBodyError as error:
        return {"/".join(map(str, field.place)): field.message for field in error.fields}
    return {}


@pytest.mark.parametrize("category", ["housing", "Employment", " CREDIT\t"])
def test_a_guarded_campaign_is_not_ranked_by_a_model_of_protected_columns(category: str) -> None:
    """However the category is written; the message names the columns and what to do."""
    (found,) = refused(live_ads(), {"category": category}).items()

    assert found[0] == "candidates/1/campaign/category"
    for text in (category.strip().lower(), "age, gender", "--without-protected"):
        assert text in found[1]


def test_a_guarded_campaign_is_not_targeted_by_protected_columns() -> None:
    """Each of them is named beside the model's own; what is not protected is not."""
    targeting = {"gender": ["male"], "age": {"maximum": 40}, "region": ["city"]}

    found = refused(live_ads(), {"category": "employment", "targeting": targeting})

    assert found.keys() == {
        "candidates/1/campaign/category",
        "candidates/1/campaign/targeting/gender",
        "candidates/1/campaign/targeting/age",
    }
    assert "gender, which is protected" in found["candidates/1/campaign/targeting/gender"]


@pytest.mark.parametrize("campaign", [{"category": "retail"}, {"category": None}, {}, {"category": "credits"}])
def test_other_campaigns_may_use_protected_columns(campaign: dict[str, Any]) -> None:
    """The guard is for three categories."""
    assert refused(live_ads(), {**campaign, "targeting": {"gender": ["female", "diverse"]}}) == {}


@pytest.mark.parametrize("category", ["housing", "employment", "credit"])
def test_a_model_without_protected_columns_ranks_guarded_campaigns(category: str) -> None:
    """And its requests have no place for protected columns, not even to target by them."""
    live = live_ads(protected=False)

    assert refused(live, {"category": category, "targeting": {"region": ["suburb"]}}) == {}
    with pytest.raises(ValidationError, match="gender"):
        refused(live, {"category": category, "targeting": {"gender": ["male"]}})
