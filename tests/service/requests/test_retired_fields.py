"""Retired fields leave a body where rows are, and nowhere else."""

from __future__ import annotations

import json
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from service.requests.retired_fields import EACH, without_retired


class Row(BaseModel):
    model_config = ConfigDict(extra="forbid")

    x: float


class Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rows: list[Row]
    column: Literal["x"] = "x"


def left(document, retired=("old",)):
    """What is left of a body that was refused, and the names that were removed."""
    body = json.dumps(document).encode()
    with pytest.raises(ValidationError) as refused:
        Sent.model_validate_json(body)
    found, names = without_retired(body, refused.value, set(retired), [("rows", EACH)])
    return (found if found is body else json.loads(found)), names


def test_it_is_removed_from_every_row():
    assert left({"rows": [{"x": 1, "old": 2}, {"x": 3, "old": None}]}) == ({"rows": [{"x": 1}, {"x": 3}]}, ["old"])


@pytest.mark.parametrize(
    "document",
    [{"rows": [{"x": 1, "new": 2}]}, {"rows": [{"x": 1}], "old": 2}, {"rows": [{"x": "old"}]}],
    ids=["of another name", "outside the rows", "as a value"],
)
def test_anything_else_stays_byte_for_byte(document):
    assert left(document) == (json.dumps(document).encode(), [])


def test_a_field_that_names_it_is_removed():
    """As that of an effect curve; a name that no version took stays, to be refused."""

    class Curve(Sent):
        rows: list[Row] = []

    for named, expected in (("old", (b"{}", ["old"])), ("new", (b'{"column": "new"}', []))):
        body = json.dumps({"column": named}).encode()
        with pytest.raises(ValidationError) as refused:
            Curve.model_validate_json(body)
        assert without_retired(body, refused.value, {"old"}, []) == expected
