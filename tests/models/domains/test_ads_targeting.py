"""Targeting: matches, and supported conditions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import TypeAdapter, ValidationError

from data.column import Column
from data.table import Table
from data.tables._catalogue import public_tables
from models.domains.ads.request import rank_body, rank_example
from models.domains.ads.targeting import matches, targetable, targeting_type
from tests.data.strategies import tables

TABLE = Table(
    name="visitors",
    columns=(
        Column(name="age", kind="number", part="person", missing=(-1, "unknown"), optional=True),
        Column(name="region", kind="category", part="person", levels=("city", "country"), optional=True),
        Column(name="code", kind="category", part="context", levels=("1", "2")),
        Column(name="member", kind="flag", part="person"),
        Column(name="shop", kind="key", part="context"),
        Column(name="when", kind="time", role="time", part="context"),
        Column(name="format", kind="category", part="ad"),
        Column(name="clicked", kind="flag", role="target"),
    ),
)
TARGETING = TypeAdapter(targeting_type(TABLE))


@pytest.mark.parametrize(
    ("targeting", "shared", "expected"),
    [
        ({}, {}, True),
        ({"age": {}}, {"age": 30}, True),
        ({"age": {"minimum": 30, "maximum": 40}}, {"age": 30}, True),
        ({"age": {"minimum": 30, "maximum": 40}}, {"age": 40}, True),
        ({"age": {"minimum": 30, "maximum": 40}}, {"age": 40.5}, False),
        ({"age": {"minimum": 30}}, {"age": 29}, False),
        ({"age": {"maximum": 40}}, {"age": -1}, False),
        ({"age": {}}, {"age": None}, False),
        ({"age": {}}, {}, False),
        ({"region": ["city", "country"]}, {"region": "country"}, True),
        ({"region": ["city"]}, {"region": "moon"}, False),
        ({"region": ["city"]}, {}, False),
        ({"code": ["1"]}, {"code": 1}, True),
        ({"code": [2]}, {"code": "2"}, True),
        ({"code": [2]}, {"code": "1"}, False),
        ({"member": [True]}, {"member": 1}, True),
        ({"member": [0]}, {"member": True}, False),
        ({"shop": ["s1", 7]}, {"shop": "7"}, True),
        ({"age": {"minimum": 1}, "region": ["city"]}, {"age": 5, "region": "country"}, False),
    ],
    ids=str,
)
def test_person_and_context_match_or_not(targeting: Any, shared: dict[str, Any], expected: bool) -> None:
    """Every column that is named must match; what is unknown does not."""
    checked = TARGETING.validate_json(json.dumps(targeting))
    assert matches(checked, shared, TABLE) is expected


@pytest.mark.parametrize(
    ("targeting", "place"),
    [
        ({"height": {"minimum": 1}}, ("height",)),
        ({"format": ["banner"]}, ("format",)),
        ({"clicked": [True]}, ("clicked",)),
        ({"when": {"minimum": "2024-01-01"}}, ("when",)),
        ({"region": ["city", "moon"]}, ("region", 1)),
        ({"region": "city"}, ("region",)),
        ({"region": []}, ("region",)),
        ({"member": ["perhaps"]}, ("member", 0)),
        ({"age": 30}, ("age",)),
        ({"age": {"minimum": "30"}}, ("age", "minimum")),
        ({"age": {"from": 30}}, ("age", "from")),
        ({"age": {"minimum": 41, "maximum": 40}}, ("age",)),
    ],
    ids=str,
)
def test_what_no_one_can_be_targeted_by_is_refused_at_its_place(targeting: Any, place: tuple[Any, ...]) -> None:
    """Columns of the ad, the target and times; levels that the table does not list; ranges that hold nothing."""
    with pytest.raises(ValidationError) as caught:
        TARGETING.validate_json(json.dumps(targeting))
    assert {error["loc"][: len(place)] for error in caught.value.errors()} == {place}


@pytest.mark.parametrize("name", [name for name, public in public_tables().items() if public.domain == "ads"])
def test_the_example_of_a_public_table_matches_its_own_targeting(name: str) -> None:
    """It is a request that the type accepts, and names a column that is not protected, if one lists its levels."""
    table = public_tables()[name].table
    body = TypeAdapter(rank_body(table)).validate_json(json.dumps(rank_example(table)))
    targeting = body["candidates"][0]["campaign"].get("targeting", {})

    listed = [column for column in targetable(table) if column.levels and not column.protected]
    assert len(targeting) == min(len(listed), 1)
    assert not any(table[name].protected for name in targeting)
    assert matches(targeting, {**body.get("person", {}), **body.get("context", {})}, table)


@settings(max_examples=30)
@given(tables())
def test_any_table_has_a_documented_request(table: Table) -> None:
    """However its columns are named and whatever they hold; each that can be targeted by is in the schema."""
    schema = TypeAdapter(rank_body(table)).json_schema()

    targeting = schema["$defs"]["Targeting"]
    assert set(targeting.get("properties", {})) == {column.name for column in targetable(table)}
    assert targeting["additionalProperties"] is False
