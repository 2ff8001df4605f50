from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from data.column import Column
from data.rows import row_adapter
from data.table import Table
from tests.data.strategies import bad_values, good_values, tables


def one_column(**described: Any) -> Any:
    """An adapter for rows of one column x."""
    return row_adapter(Table(name="one", columns=(Column(name="x", **described),)))


def draw_body(data: st.DataObject, table: Table) -> dict[str, Any]:
    return {column.name: data.draw(good_values(column)) for column in table.columns}


def as_expected(column: Column, value: Any) -> Any:
    """What a fitting value is once it was read."""
    if column.kind == "time" and value is not None:
        return datetime.fromisoformat(value)
    return value


class TestFittingRows:
    @given(tables(), st.data())
    def test_are_accepted_unchanged_as_json_and_as_dictionaries(self, table, data):
        """Whatever fits comes back equal; a time comes back as a datetime."""
        body = draw_body(data, table)
        adapter = row_adapter(table)

        rows = [adapter.validate_python(body), adapter.validate_json(json.dumps(body))]

        expected = {column.name: as_expected(column, body[column.name]) for column in table.columns}
        assert rows == [expected, expected]

    @given(tables(), st.data())
    def test_may_leave_out_what_is_optional(self, table, data):
        """A row without its optional columns is accepted, one without another is not."""
        body = draw_body(data, table)
        left_out = data.draw(st.sampled_from(table.columns))
        del body[left_out.name]
        adapter = row_adapter(table)

        if left_out.optional:
            assert left_out.name not in adapter.validate_python(body)
        else:
            with pytest.raises(ValidationError) as caught:
                adapter.validate_python(body)
            assert [error["loc"] for error in caught.value.errors()] == [(left_out.name,)]

    def test_numbers_become_floats(self):
        """A whole number is a number."""
        value = one_column(kind="number").validate_json('{"x": 3}')["x"]

        assert (value, type(value)) == (3.0, float)

    @pytest.mark.parametrize(("code", "read"), [(-1, -1.0), (-1.0, -1.0), ("unknown", None)])
    def test_codes_for_no_value_are_exempt_from_the_bounds(self, code, read):
        """A numeric code stays, for the encoder knows it; a text one becomes None, as no array of numbers holds it."""
        adapter = one_column(kind="number", minimum=0, whole=True, missing=(-1, "unknown"))

        assert adapter.validate_python({"x": code}) == {"x": read}
        assert adapter.validate_json(json.dumps({"x": code})) == {"x": read}

    @pytest.mark.parametrize(
        ("levels", "value", "read"),
        [
            (("no", "yes"), True, "yes"),
            (("no", "yes"), 0, "no"),
            (("no", "yes"), "yes", "yes"),
            (("1", "2"), 1, "1"),
            (("1", "2"), "2", "2"),
            (("false", "true"), False, "false"),
            ((), 1, 1),
            ((), True, True),
        ],
    )
    def test_flags_are_read_as_their_level(self, levels, value, read):
        """A flag with levels comes back as one of them, for that is what training saw."""
        assert one_column(kind="flag", levels=levels).validate_python({"x": value}) == {"x": read}

    @pytest.mark.parametrize(("kind", "code"), [("flag", "?"), ("flag", 9), ("time", "never")])
    def test_codes_of_flags_and_times_are_read_as_none(self, kind, code):
        """There is no flag and no moment for "unknown"."""
        assert one_column(kind=kind, missing=("?", 9, "never")).validate_python({"x": code}) == {"x": None}

    def test_levels_that_the_table_does_not_list_are_accepted(self):
        """The model answers them and says so."""
        assert one_column(kind="category", levels=("a",)).validate_python({"x": "new"}) == {"x": "new"}

    def test_times_keep_their_zone(self):
        """Z and an offset are understood."""
        read = one_column(kind="time").validate_json('{"x": "2024-05-31T13:45:00Z"}')["x"]

        assert read == datetime(2024, 5, 31, 13, 45, tzinfo=UTC)


class TestRowsThatDoNotFit:
    @given(tables(), st.data())
    def test_are_refused_at_the_column(self, table, data):
        """One bad value gives one error, and its path is the column's name, in JSON as in dictionaries."""
        body = draw_body(data, table)
        column = data.draw(st.sampled_from(table.columns))
        body[column.name] = data.draw(bad_values(column))
        adapter = row_adapter(table)

        for validate, given_body in ((adapter.validate_python, body), (adapter.validate_json, json.dumps(body))):
            with pytest.raises(ValidationError) as caught:
                validate(given_body)
            assert [error["loc"] for error in caught.value.errors()] == [(column.name,)]

    def test_with_another_key_are_refused(self):
        """A misspelled column is not silently left out."""
        with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
            one_column(kind="number").validate_python({"x": 1, "y": 2})

    @pytest.mark.parametrize("spelled", ["NaN", "Infinity", "-Infinity", "1e999"])
    @pytest.mark.parametrize("kind", ["number", "category", "flag", "key", "time"])
    def test_json_that_is_no_number_is_refused(self, spelled, kind):
        """Python's JSON dialect knows NaN and Infinity; a row does not."""
        with pytest.raises(ValidationError):
            one_column(kind=kind).validate_json(f'{{"x": {spelled}}}')

    def test_say_what_is_allowed(self):
        """The message is the column's own sentence."""
        with pytest.raises(ValidationError, match="must be no or yes"):
            one_column(kind="flag", levels=("no", "yes")).validate_python({"x": "maybe"})

    def test_columns_that_are_no_input_are_refused(self):
        """The target and what is ignored do not belong into a request."""
        table = Table(
            name="t",
            columns=(
                Column(name="x", kind="number"),
                Column(name="y", kind="flag", role="target"),
                Column(name="sex", kind="flag", role="ignore", protected=True),
            ),
        )

        with pytest.raises(ValidationError) as caught:
            row_adapter(table).validate_python({"x": 1, "y": True, "sex": False})
        assert {error["loc"] for error in caught.value.errors()} == {("y",), ("sex",)}


class TestSchema:
    @given(tables())
    def test_lists_every_column_with_its_rule(self, table):
        """Names stay as spelled, nothing else is allowed, and what must be there is said."""
        schema = row_adapter(table).json_schema()

        assert schema["title"] == f"{table.name} row"
        assert schema["additionalProperties"] is False
        assert list(schema["properties"]) == table.column_names
        assert schema.get("required", []) == [column.name for column in table.columns if not column.optional]
        for column in table.columns:
            assert column.allowed in schema["properties"][column.name]["description"]

    def test_holds_description_unit_bounds_levels_and_examples(self):
        """What the table says about a column is in the documentation of a request."""
        table = Table(
            name="loans",
            description="Applicants for a loan.",
            columns=(
                Column(name="income", kind="number", description="Net.", unit="EUR", minimum=0, maximum=9, example=5),
                Column(name="housing", kind="category", levels=("own", "rent"), example="rent"),
            ),
        )

        schema = row_adapter(table).json_schema()

        assert schema["description"] == "Applicants for a loan."
        assert schema["examples"] == [{"income": 5, "housing": "rent"}]
        income, housing = schema["properties"]["income"], schema["properties"]["housing"]
        assert income["description"] == "Net (EUR): a number from 0 to 9"
        assert (income["type"], income["minimum"], income["maximum"]) == ("number", 0, 9)
        assert income["examples"] == [5]
        assert housing["examples"] == ["rent", "own"]


@pytest.mark.parametrize(
    ("level", "is_accepted"),
    [(-(2**63), True), (-(2**63) - 1, False), (2**64 - 1, True), (2**64, False), (1e300, False), (1.5, True)],
)
def test_numbers_as_levels_are_those_of_the_schema(level, is_accepted):
    """The range of integers in a file; one just beyond is no float within it, though rounding makes it one."""
    adapter = one_column(kind="category")
    numbers = [one for one in adapter.json_schema()["properties"]["x"]["anyOf"] if one["type"] != "string"]
    fits = [
        (one["type"] == "number" or level == int(level))
        and one.get("minimum", -math.inf) <= level <= one.get("maximum", math.inf)
        and one.get("exclusiveMinimum", -math.inf) < level < one.get("exclusiveMaximum", math.inf)
        for one in numbers
    ]
    assert any(fits) == is_accepted
    for read in (adapter.validate_python, lambda row: adapter.validate_json(json.dumps(row))):
        if is_accepted:
            assert read({"x": level})["x"] == level
        else:
            with pytest.raises(ValidationError, match="or a number"):
                read({"x": level})
