"""What differs between the requests of two versions, and who is refused for it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from data.column import Column
from models.domains._discovery import load_domains
from models.monitoring.promotion.requests import compare_requests

DOMAINS = load_domains()


def version(name: str, *more: Column, **changes: dict[str, Any]) -> Any:
    """What is compared of a version of a domain, with changed and with more columns."""
    domain = DOMAINS[name]
    table = domain.restrict_inputs(domain.table).with_columns(changes)
    return SimpleNamespace(domain=domain, table=replace(table, columns=(*table.columns, *more)))


def changes(name: str, *more: Column, **changed: dict[str, Any]) -> Any:
    return compare_requests(version(name), version(name, *more, **changed))


GONE = {"role": "ignore"}


@pytest.mark.parametrize(
    ("name", "column"),
    [("credit", "income_eur"), ("credit", "guarantor"), ("fraud", "distance_km"), ("ads", "ad_price_tier")],
)
def test_nobody_is_refused_for_a_removed_input(name: str, column: str) -> None:
    """It is ignored for three versions, in every operation."""
    found = changes(name, **{column: GONE})
    assert found.refused == ()
    assert found.note == f"column {column} is no longer an input; for three versions requests may hold it"


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"maximum": 5_000.0}, "column income_eur takes other values"),
        ({"whole": True}, "column income_eur takes other values"),
        ({"kind": "category", "minimum": None, "unit": "", "maximum": None}, "column income_eur takes other values"),
    ],
)
def test_other_values_are_refused(changed: dict[str, Any], problem: str) -> None:
    whole = {"whole": not DOMAINS["credit"].table["income_eur"].whole} if "whole" in changed else {}
    kept = {"reasons": {}, "direction": 0, "actionable": False, "example": None} if "kind" in changed else {}
    assert changes("credit", income_eur={**changed, **whole, **kept}).refused == (problem,)


def test_what_may_be_left_out_from_now_on_refuses_nobody_and_what_must_be_given_does() -> None:
    """Both ways for one input."""
    for column in ("income_eur", "housing", "guarantor"):
        required, optional = version("credit"), version("credit", **{column: {"optional": True}})
        assert compare_requests(required, optional).refused == ()
        assert compare_requests(optional, required).refused == (f"column {column} takes other values",)


def test_a_new_input_must_be_one_that_requests_may_lack() -> None:
    """Optional, or with a default."""
    required = Column(name="pets", kind="number")
    found = changes("credit", required)
    assert found.refused == ("column pets is new and required; give it a default in the table, or make it optional",)
    for spared in (replace(required, optional=True), replace(required, default=0)):
        found = changes("credit", spared)
        assert (found.refused, found.note) == ((), "column pets is new; requests may lack it")


def test_what_is_more_than_a_value_of_the_row_cannot_be_ignored() -> None:
    """Campaigns that target people by a column would be shown to all of them."""
    found = changes("ads", region=GONE)
    assert found.refused == ("rank no longer takes column region in candidates/*/campaign/targeting",)


def test_a_part_of_the_body_that_goes_with_its_last_column_is_a_change() -> None:
    """Nobody would look into the object for columns to ignore."""
    found = changes("ads", device=GONE, hour=GONE)
    assert "rank takes another body" in found.refused
