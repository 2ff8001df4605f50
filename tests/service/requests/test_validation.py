"""Bodies with thousands of wrong fields are refused in few steps, and what fits is never refused for its names."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from data.rows import row_adapter
from models.domains._discovery import load_domains
from service.errors import InvalidJsonError, InvalidRequestError
from service.requests import validation
from service.requests.validation import MAX_UNKNOWN, N_ITEMS, unknown_names, validated

CREDIT = load_domains()["credit"].table
ROW = row_adapter(CREDIT)


class Adapter:
    """A type that counts how often it is asked, and remembers what it found."""

    def __init__(self, asked: TypeAdapter[Any]) -> None:
        self._asked, self.n_asked, self.n_errors = asked, 0, []
        self.json_schema, self.core_schema = asked.json_schema, asked.core_schema

    def validate_json(self, body: bytes) -> Any:
        self.n_asked += 1
        try:
            return self._asked.validate_json(body)
        except ValidationError as error:
            self.n_errors.append(error.error_count())
            raise


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str


class Things(BaseModel):
    model_config = ConfigDict(extra="forbid")

    things: list[Thing]


def refused(adapter: Any, body: str | bytes, columns: Any = ()) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        validated(adapter, body if isinstance(body, bytes) else body.encode(), columns)
    return caught.value


def example(**more: Any) -> bytes:
    return json.dumps({**CREDIT.example(), **more}).encode()


def test_thousands_of_unknown_names_are_refused_before_validation():
    """The first five are told, with a suggestion where a column has a similar name; the type is not even asked."""
    adapter = Adapter(ROW)
    names = {"income_euro": 1, **{f"unknown_{i}": i for i in range(9_000)}}

    (error,) = refused(adapter, example(**names), CREDIT.columns).errors

    assert adapter.n_asked == 0
    assert error.path == ""
    assert error.message.startswith("has 9,001 unknown fields: 'income_euro' (unknown field; did you mean")
    assert "'income_eur'" in error.message
    assert "'unknown_3' (unknown field" in error.message
    assert "unknown_4" not in error.message
    assert error.message.endswith(" and 8,996 more")


@pytest.mark.parametrize(
    ("body", "n_unknown"),
    [
        (b"{" + b",".join([b'"x":1'] * 9_000) + b"}", "9,000"),
        (b'{"deep":' + b"{" + b",".join(b'"x%d" : "a:b"' % i for i in range(600)) + b"}}", "601"),
        (b'{"' + b'\\u0061":1,"'.join([b""] * 601) + b'":1}', "601"),
    ],
    ids=["the same", "nested", "escaped"],
)
def test_they_are_counted_however_they_are_written(body: bytes, n_unknown: str):
    """A repeated name counts each time, as it does in pydantic."""
    adapter = Adapter(ROW)

    assert refused(adapter, body).errors[0].message.startswith(f"has {n_unknown} unknown fields")
    assert adapter.n_asked == 0


def test_up_to_the_bound_each_unknown_name_is_an_error_of_its_own():
    error = refused(ROW, example(**{f"unknown_{i}": "a:b:c:d:e:f" for i in range(MAX_UNKNOWN)}), CREDIT.columns)

    assert len(error.errors) == MAX_UNKNOWN
    assert error.errors[-1].path == f"/unknown_{MAX_UNKNOWN - 1}"


def test_only_the_first_unknown_names_get_a_suggestion():
    """Each costs a search through all columns."""
    error = refused(ROW, example(**{f"income_eur{i}": 1 for i in range(60)}), CREDIT.columns)

    assert [("did you mean" in one.message) for one in error.errors] == [True] * 10 + [False] * 50


def test_texts_that_look_like_names_are_none():
    """Colons, quotes and braces within texts, and known names in thousands of objects, are let through."""
    many = json.dumps({"things": [{"id": f'"x{i}": {{"y":1}}\\'} for i in range(2_000)]}).encode()
    adapter = TypeAdapter(Things)

    assert list(unknown_names(adapter, many)) == []
    assert len(validated(adapter, many).things) == 2_000


def test_types_that_take_any_name_or_several_for_a_field_are_not_counted():
    class Free(BaseModel):
        parameters: dict[str, int]

    class Two(BaseModel):
        model_config = ConfigDict(extra="forbid")

        fits: Annotated[bool, Field(validation_alias=AliasChoices("good", "positive"))]

    many = json.dumps({"parameters": {f"p{i}": i for i in range(1_000)}}).encode()
    assert len(validated(TypeAdapter(Free), many).parameters) == 1_000
    twos = json.dumps([{"positive": True}] * 1_000).encode()
    assert len(validated(TypeAdapter(list[Two]), twos)) == 1_000


def test_a_name_outside_of_ascii_is_known_in_either_spelling():
    class Gross(BaseModel):
        model_config = ConfigDict(extra="forbid")

        size: Annotated[int, Field(alias="größe")]

    for ascii in (True, False):
        many = json.dumps([{"größe": 1}] * 1_000, ensure_ascii=ascii).encode()
        assert len(validated(TypeAdapter(list[Gross]), many)) == 1_000


def test_of_thousands_of_wrong_items_the_first_are_looked_at_again(monkeypatch: pytest.MonkeyPatch):
    """Their errors are worded, all are counted, and pydantic is never asked for the text of more."""
    adapter, worded = Adapter(TypeAdapter(Things)), []
    worded_before = validation.request_error
    monkeypatch.setattr(
        validation,
        "request_error",
        lambda error, *more: worded.append(error.error_count()) or worded_before(error, *more),
    )

    error = refused(adapter, '{"things":[' + ",".join(["{}"] * 9_000) + "]}")

    assert (adapter.n_errors, worded) == ([9_000, N_ITEMS], [N_ITEMS])
    assert [one.path for one in error.errors] == [f"/things/{i}/id" for i in range(N_ITEMS)]
    assert str(error).startswith("9000 values are invalid")


def test_wrong_items_after_valid_ones_are_counted():
    good, bad = ['{"id":"a"}'] * N_ITEMS, ["{}"] * 2_000

    (error,) = refused(TypeAdapter(Things), '{"things":[' + ",".join(good + bad) + "]}").errors

    assert error.message == "has 2,000 invalid values, too many to name; the first 20 items of its lists are valid"


def test_what_is_no_json_is_said_to_be_none():
    with pytest.raises(InvalidJsonError):
        validated(ROW, b"{" + b":" * 10)
