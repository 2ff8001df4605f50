"""Fields: the inputs of a form, made from the columns of a table, and the JSON value that each text stands for."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from data.sentences import label
from data.table import Column, level_text
from models.answers.forms import Input, Place
from service.errors import FieldError
from service.requests.field_errors import json_pointer

Control: TypeAlias = Literal["number", "choice", "time", "text"]

_LOCAL_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?")
_MAX_DIGITS = 30
"""Longer texts are sent on as they are, and refused as texts."""


@dataclass(frozen=True)
class Choice:
    """A value that can be chosen, and what it is called."""

    value: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Field:
    """One input of a form.

    Parameters
    ----------
    place : of its value in the body of the request.
    text : what stands in it; empty for no value.
    error : what is wrong with that; empty if nothing is.
    """

    column: Column
    place: Place
    text: str
    error: str = ""

    @property
    def name(self) -> str:
        """The JSON pointer to its value, by which errors name it too."""
        return json_pointer(self.place)

    @property
    def id(self) -> str:
        """Of the element in the page; other names give other ids, however they are spelled."""
        return "field" + re.sub(r"[^A-Za-z0-9_/]", lambda sign: f"-{ord(sign[0]):x}-", self.name).replace("/", "--")

    @property
    def label(self) -> str:
        """What the value is, in a few words."""
        return label(self.column)

    @property
    def hint(self) -> str:
        """The rest of its description, and what it may be."""
        more = self.column.description.removeprefix(self.label).strip(" .;:")
        return ". ".join(part[:1].upper() + part[1:] for part in (more, self.column.allowed) if part)

    @property
    def control(self) -> Control:
        """How it is filled in."""
        if self.choices:
            return "choice"
        if self.column.kind == "time" and (not self.text or _LOCAL_TIME.fullmatch(self.text)):
            return "time"
        return "number" if self.column.kind == "number" else "text"

    @property
    def choices(self) -> list[Choice]:
        """The values to choose from, the one that stands in it among them; none where anything may be written."""
        column = self.column
        if column.kind == "flag" and not column.levels:
            values = {"false": "no", "true": "yes"}
        elif column.kind in ("flag", "category") and column.levels:
            values = {level: column.meanings.get(level, level) for level in column.levels}
        else:
            return []
        if column.optional or not self.text:
            values = {"": "not given", **values}
        return [Choice(value, text) for value, text in {**values, self.text: values.get(self.text, self.text)}.items()]

    @property
    def value(self) -> Any:
        """What the text stands for in JSON; a text that stands for nothing is sent as it is, and refused."""
        text = self.text.strip()
        if self.column.kind == "number" and len(text) <= _MAX_DIGITS:
            return _number(text)
        if self.column.kind == "flag" and not self.column.levels and text in ("true", "false"):
            return text == "true"
        return text


def fields_of(inputs: Iterable[Input], texts: Mapping[str, str] | None) -> list[Field]:
    """A field for each input, filled with the submitted texts, or with the columns' examples where texts is None."""
    return [
        Field(
            column=one.column,
            place=one.place,
            text=example_text(one.column) if texts is None else texts.get(json_pointer(one.place), ""),
        )
        for one in inputs
    ]


def example_text(column: Column) -> str:
    """The column's example as it would be written into its field."""
    example = column.example
    if example is None:
        return ""
    if isinstance(example, bool):
        return "true" if example else "false"
    return json.dumps(example) if isinstance(example, int | float) and column.kind == "number" else level_text(example)


def body_of(fields: Iterable[Field]) -> dict[str, Any]:
    """The JSON body in which each field's value stands at its place; what is empty is left out."""
    body: dict[str, Any] = {}
    for field in fields:
        if field.text.strip():
            _put(body, field.place, field.value)
    return body


def with_errors(fields: Iterable[Field], errors: Sequence[FieldError]) -> list[Field]:
    """The fields with what is wrong with each."""
    messages = {error.path: error.message for error in errors}
    return [replace(field, error=messages.get(field.name, "")) for field in fields]


def _put(body: Any, place: Place, value: Any) -> None:
    """Set the value at that place, making the objects and lists on the way."""
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
