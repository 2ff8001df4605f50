"""Fields of a form: what their texts stand for in JSON, and what they are called."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from data.column import Column, level_text
from data.rows import row_type
from data.table import Table
from models.contract.forms import inputs_of
from models.domains._discovery import load_domains
from service.errors import FieldError
from service.pages.trying.fields import Field, body_of, example_text, fields_of, with_errors

NUMBER = Column(name="n", kind="number")
FLAG = Column(name="f", kind="flag")
SPELLED = Column(name="s", kind="flag", levels=("no", "yes"))
LEVELS = Column(name="c", kind="category", levels=("1", "b"), meanings={"1": "the first"}, optional=True)


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        (NUMBER, "12", 12),
        (NUMBER, " -3 ", -3),
        (NUMBER, "1.50", 1.5),
        (NUMBER, "1e3", 1000.0),
        (NUMBER, "a year", "a year"),
        (NUMBER, "nan", "nan"),
        (NUMBER, "1e999", "1e999"),
        (NUMBER, "9" * 6_000, "9" * 6_000),
        (FLAG, "true", True),
        (FLAG, "false", False),
        (FLAG, "perhaps", "perhaps"),
        (SPELLED, "yes", "yes"),
        (LEVELS, "1", "1"),
    ],
)
def test_a_text_stands_for_a_value(column, text, value):
    """Of its column's kind; a text that stands for none is sent as it is, for the check to refuse."""
    found = Field(column=column, place=(column.name,), text=text).value
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("domain", load_domains().values(), ids=lambda domain: domain.name)
def test_examples_survive_the_form(domain):
    """Written into fields and read back, a table's example is a row that the model's own check reads the same."""
    table = domain.restrict_inputs(domain.table)
    row = TypeAdapter(row_type(table))
    again, example = (
        row.validate_python(body) for body in (body_of(fields_of(inputs_of(table.inputs), None)), table.example())
    )
    # an id may be spelled as a number or as a text, which means the same
    assert {name: level_text(value) for name, value in again.items()} == {
        name: level_text(value) for name, value in example.items()
    }


def test_what_stands_in_a_field_can_always_be_chosen():
    """Also a level that the table does not list, and nothing where nothing was chosen."""
    asked = {text: [choice.value for choice in Field(column=LEVELS, place=("c",), text=text).choices] for text in "1z"}
    assert asked == {"1": ["", "1", "b"], "z": ["", "1", "b", "z"]}
    assert Field(column=LEVELS, place=("c",), text="1").choices[1].text == "the first"
    assert Field(column=SPELLED, place=("s",), text="").choices[0].value == ""
    assert [choice.value for choice in Field(column=SPELLED, place=("s",), text="no").choices] == ["no", "yes"]


def test_names_and_ids_are_those_of_one_field_each():
    """However columns are spelled; errors find their field by the pointer that the API names."""
    names = ["Annual income (EUR)", "Annual income [EUR]", "a/b", "a~b", "a-b", "a b", "a_b", "ä"]
    table = Table(name="odd", columns=tuple(Column(name=name, kind="number") for name in names))
    fields = fields_of(inputs_of(table.inputs, ("row",)), {})
    assert len({field.id for field in fields}) == len({field.name for field in fields}) == len(names)
    told = with_errors(fields, [FieldError(path="/row/a~1b", message="is wrong")])
    assert [field.column.name for field in told if field.error] == ["a/b"]


def test_values_stand_at_their_places():
    """In objects and lists; empty ones are left out."""
    column = Column(name="x", kind="number")
    places = {("person", "x"): "1", ("ads", 0, "ad", "x"): "2", ("ads", 1, "x"): "3", ("ads", 1, "ad", "x"): ""}
    fields = [Field(column=column, place=place, text=text) for place, text in places.items()]
    assert body_of(fields) == {"person": {"x": 1}, "ads": [{"ad": {"x": 2}}, {"x": 3}]}


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (Column(name="n", kind="number", example=4.0), "4.0"),
        (Column(name="k", kind="key", example=10_000_001), "10000001"),
        (Column(name="f", kind="flag", example=False), "false"),
        (Column(name="e", kind="number"), ""),
    ],
)
def test_examples_are_written_as_people_would(column, text):
    """And read back as what they were."""
    assert example_text(column, column.example) == text
