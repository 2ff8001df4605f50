"""Values of a policy: parsed, checked, and their problems in words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from models.contract import Policy
from models.errors import PolicyError


def written_values(texts: Iterable[str]) -> dict[str, Any]:
    """Values from FIELD=VALUE texts; a value is JSON, or else the text itself. PolicyError for a text without "="."""
    values = {}
    for text in texts:
        field, equals, value = text.partition("=")
        if not (field.strip() and equals):
            raise PolicyError(f"a value is written FIELD=VALUE, as in approve_below=0.1; got {text!r}")
        try:
            values[field.strip()] = json.loads(value)
        except (ValueError, RecursionError):
            values[field.strip()] = value.strip()
    return values


def checked_policy(kind: type[Policy], values: Mapping[str, Any]) -> Policy:
    """A policy with these values, and defaults for others; PolicyError names field, rule and value of each problem."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise PolicyError(in_words(kind, error)) from error


def in_words(kind: type[BaseModel], error: ValidationError) -> str:
    """The problems of a validation: field, rule and value; positions in lists count from 1."""
    return "; ".join(_problem(kind, details) for details in error.errors(include_url=False))


def few_words(value: object) -> str:
    """A value of a policy in a line; a list by the names of its items."""
    if isinstance(value, list | tuple):
        return ", ".join(str(part["name"]) if isinstance(part, Mapping) else str(part) for part in value) or "none"
    return str(value)


def _problem(kind: type[BaseModel], details: ErrorDetails) -> str:
    message = details["msg"].removeprefix("Value error, ")
    if not details["loc"]:  # concerns several fields, named by the message
        return message
    *above, last = details["loc"]
    if details["type"] == "extra_forbidden":
        if above:
            return f"{_place(above)}: unknown field {last!r}"
        near = get_close_matches(str(last), kind.model_fields, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"its fields are {', '.join(kind.model_fields)}"
        what = "this policy" if issubclass(kind, Policy) else "it"
        return f"{last!r} is not a field of {what}; {hint}"
    return f"{_place(details['loc'])}: {message[:1].lower()}{message[1:]}, got {details['input']!r}"


def _place(steps: Iterable[int | str]) -> str:
    """The place of a value, as in "rules 2, when 1, above"."""
    words = [f" {step + 1}" if isinstance(step, int) else f", {step}" for step in steps]
    return "".join(words).removeprefix(", ")
