"""Fields: the inputs of a form with their texts, and the JSON value of each text."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from data.column import Column, Scalar, level_text
from data.numbers import Numbers
from data.sentences import label
from data.spellings import value_text
from models.contract.forms import Input, Place
from service.errors import FieldError
from service.requests.field_errors import json_pointer

Control: TypeAlias = Literal["number", "choice", "time", "text", "area"]

_LOCAL_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?")
_SEPARATORS = re.compile(r"[\s,;]+")
_MAX_DIGITS = 30
"""Longer texts are sent as text, and refused as such."""


@dataclass(frozen=True)
class Choice:
    """An option of a select."""

    value: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Field:
    """One input of a form.

    Parameters
    ----------
    place : of its value in the request body.
    text : its content; empty for no value.
    error : message shown at the field; empty for none.
    """

    column: Column
    place: Place
    text: str
    error: str = ""

    @property
    def name(self) -> str:
        """The JSON pointer to its value, which errors name too."""
        return json_pointer(self.place)

    @property
    def id(self) -> str:
        """Id of the element; distinct for distinct names, however they are spelled."""
        return "field" + re.sub(r"[^A-Za-z0-9_/]", lambda sign: f"-{ord(sign[0]):x}-", self.name).replace("/", "--")

    @property
    def label(self) -> str:
        """The column in a few words."""
        return label(self.column)

    @property
    def hint(self) -> str:
        """The rest of the description, the allowed values, and the default."""
        more = self.column.description.removeprefix(self.label).strip(" .;:")
        default = "" if self.column.default is None else f"default {value_text(self.column.default)}"
        return ". ".join(part[:1].upper() + part[1:] for part in (more, self.column.allowed, default) if part)

    @property
    def control(self) -> Control:
        """Kind of control."""
        if self.choices:
            return "choice"
        if self.column.kind == "time" and (not self.text or _LOCAL_TIME.fullmatch(self.text)):
            return "time"
        if self.column.kind in ("text", "numbers"):
            return "area"
        return "number" if self.column.kind == "number" else "text"

    @property
    def choices(self) -> list[Choice]:
        """Options, the present value among them; empty for free input."""
        column = self.column
        if column.kind == "flag" and not column.levels:
            values = {"false": "no", "true": "yes"}
        elif column.kind in ("flag", "category") and column.levels:
            values = {level: column.meanings.get(level, level) for level in column.levels}
        else:
            return []
        if column.may_be_absent or not self.text:
            values = {"": "not given", **values}
        return [Choice(value, text) for value, text in {**values, self.text: values.get(self.text, self.text)}.items()]

    @property
    def value(self) -> Any:
        """The text as a JSON value; a text that is none is sent as it is, and refused."""
        text = self.text.strip()
        if self.column.kind == "number" and len(text) <= _MAX_DIGITS:
            return _number(text)
        if self.column.kind == "numbers":
            return [_number(one) for one in _SEPARATORS.split(text.strip("[]")) if one]
        if self.column.kind == "flag" and not self.column.levels and text in ("true", "false"):
            return text == "true"
        return text


def fields_of(inputs: Iterable[Input], texts: Mapping[str, str] | None) -> list[Field]:
    """A field for each input, filled with the submitted texts, or with the columns' examples where texts is None."""
    return [
        Field(
            column=one.column,
            place=one.place,
            text=example_text(one.column, one.column.example)
            if texts is None
            else texts.get(json_pointer(one.place), ""),
        )
        for one in inputs
    ]


def example_texts(inputs: Iterable[Input], values: Mapping[str, Scalar | Numbers]) -> dict[str, str]:
    """The texts of a form that is filled with an example; columns that it lacks have their own."""
    return {
        json_pointer(one.place): example_text(one.column, values.get(one.column.name, one.column.example))
        for one in inputs
    }


def example_text(column: Column, example: Scalar | Numbers | None) -> str:
    """A value of the column as its field holds it."""
    if example is None:
        return ""
    if isinstance(example, tuple):
        return ", ".join(map(json.dumps, example))
    if isinstance(example, bool):
        return "true" if example else "false"
    return json.dumps(example) if isinstance(example, int | float) and column.kind == "number" else level_text(example)


def body_of(fields: Iterable[Field]) -> dict[str, Any]:
    """The JSON body with each value at its place; empty fields are left out."""
    body: dict[str, Any] = {}
    for field in fields:
        if field.text.strip():
            _put(body, field.place, field.value)
    return body


def with_errors(fields: Iterable[Field], errors: Sequence[FieldError]) -> list[Field]:
    """The fields with their errors."""
    messages = {error.path: error.message for error in errors}
    return [replace(field, error=messages.get(field.name, "")) for field in fields]


def _put(body: Any, place: Place, value: Any) -> None:
    """Set the value at that place, creating objects and lists on the way."""
    *way, last = place
    for step, following in zip(way, place[1:], strict=True):
        fresh: Any = [] if isinstance(following, int) else {}
        if isinstance(step, int):
            while len(body) <= step:
                body.append({})
            body = body[step]
        else:
            body = body.setdefault(step, fresh)
    body[last] = value


def _number(text: str) -> Any:
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text
