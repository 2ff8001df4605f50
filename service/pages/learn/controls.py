"""Controls: the playground's settings as form fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from models.playground.settings import PlaygroundSettings, spelled
from service.requests.field_errors import field_errors


@dataclass(frozen=True)
class Control:
    """One form field.

    Parameters
    ----------
    choices : options as (value, text); empty for free input.
    text, default : present content, and the default.
    number : attributes of a number input; empty for other inputs.
    error : message shown at the field; empty for none.
    """

    name: str
    title: str
    hint: str
    choices: tuple[tuple[str, str], ...]
    text: str
    default: str
    number: Mapping[str, str]
    error: str = ""


def read_settings(query: Mapping[str, str]) -> tuple[PlaygroundSettings, dict[str, str]]:
    """The settings of a query and the errors by field; invalid values are replaced by defaults."""
    given = {name: text for name, text in query.items() if name in PlaygroundSettings.model_fields}
    try:
        return PlaygroundSettings.model_validate(given), {}
    except ValidationError as error:
        wrong = {one.path.strip("/").split("/")[0]: one.message for one in field_errors(error, ())}
        right = {name: text for name, text in given.items() if name not in wrong}
        return PlaygroundSettings.model_validate(right), wrong


def controls_of(settings: PlaygroundSettings, query: Mapping[str, str], wrong: Mapping[str, str]) -> list[Control]:
    """The fields in the order of the settings; invalid ones keep their text."""
    return [
        Control(
            name=name,
            title=field.title or name,
            hint=field.description or "",
            choices=_choices(field),
            text=query[name] if name in wrong else spelled(getattr(settings, name)),
            default=spelled(field.default),
            number=_number(field),
            error=wrong.get(name, ""),
        )
        for name, field in PlaygroundSettings.model_fields.items()
    ]


def _choices(field: FieldInfo) -> tuple[tuple[str, str], ...]:
    if field.annotation is bool:
        return ("true", "yes"), ("false", "no")
    if get_origin(field.annotation) is Literal:
        return tuple((choice, choice) for choice in get_args(field.annotation))
    return ()


def _number(field: FieldInfo) -> dict[str, str]:
    if field.annotation not in (int, float):
        return {}
    bounds: dict[str, Any] = {}
    for rule in field.metadata:
        bounds |= {side: getattr(rule, side) for side in ("ge", "gt", "le") if hasattr(rule, side)}
    found = {"step": "1" if field.annotation is int else "any"}
    if "ge" in bounds or "gt" in bounds:
        found["min"] = f"{bounds.get('ge', bounds.get('gt'))}"
    if "le" in bounds:
        found["max"] = f"{bounds['le']}"
    return found
