"""Values of a policy: as people write them, checked, and what is wrong with them in words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
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
        except json.JSONDecodeError:
            values[field.strip()] = value.strip()
    return values


def checked_policy(kind: type[Policy], values: Mapping[str, Any]) -> Policy:
    """A policy of these values, defaults for the others; PolicyError names each field, its rule, and what came."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = [_in_words(kind, details) for details in error.errors(include_url=False)]
        raise PolicyError("; ".join(problems)) from error


def _in_words(kind: type[Policy], details: ErrorDetails) -> str:
    message = details["msg"].removeprefix("Value error, ")
    if not details["loc"]:  # about several fields, which the message names
        return message
    field = ".".join(map(str, details["loc"]))
    if details["type"] == "extra_forbidden":
        near = get_close_matches(field, kind.model_fields, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"its fields are {', '.join(kind.model_fields)}"
        return f"{field!r} is no field of this policy; {hint}"
    return f"{field}: {message[:1].lower()}{message[1:]}, got {details['input']!r}"
