"""The kinds of stored fields, and the checks of their values; see `stored_types` for the list of kinds."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from models.array_file import Array

_MAX_QUOTED = 100
"""Characters of a value that an error shows."""
SCALARS: Mapping[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "text": (str,)}
ARRAY = re.compile(
    r"(?P<dtype>float16|float32|float64|int8|int64)\[(?P<shape>[^\]]*)\]( < (?P<below>\w+))?(?P<inf> or inf)?"
)


class InvalidFieldError(Exception):
    """A value that is invalid for its field."""

    def __init__(self, path: str, problem: object) -> None:
        super().__init__(f"{path}: {problem}" if path else str(problem))


def joined(path: str, name: str) -> str:
    """The path of a field of the object at `path`; the root's path is empty."""
    return f"{path}.{name}" if path else name


def list_kind(kind: str) -> tuple[str, str]:
    """The kind of a list's items, and the name of its length."""
    inner, _, length = kind[:-1].rpartition("[")
    return inner, length


def is_scalar(kind: str, value: Any) -> bool:
    """Whether a field of this kind holds a plain value; of a union, whether it can."""
    return kind == "value" or not {*kind.split("|")}.isdisjoint(SCALARS)


def scalar(kind: str, value: Any, path: str) -> Any:
    """A plain value, converted to float if the kind is; InvalidFieldError if it is not of the kind."""
    alternatives = [*SCALARS] if kind == "value" else kind.split("|")
    if kind == "value" and value is None:
        return None
    for one in alternatives:
        if type(value) in SCALARS[one]:  # a bool is not an int here
            break
    else:
        raise InvalidFieldError(path, f"must be of the kind {kind.replace('|', ' or ')}, got {quoted(value)}")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise InvalidFieldError(path, f"{quoted(value)} is not Unicode text") from error
    elif not abs(value) < 2**63 if isinstance(value, int) else not math.isfinite(value):
        raise InvalidFieldError(
            path, f"must be a finite number, and a whole one of at most 63 bits, got {quoted(value)}"
        )
    return float(value) if kind == "float" else value


def read_time(value: Mapping[str, Any], path: str) -> datetime:
    """A time written as {"time": ISO 8601}, so that it differs from a text of the same characters."""
    try:
        (text,) = (value[key] for key in ("time",) if len(value) == 1)
        return datetime.fromisoformat(text)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidFieldError(path, f'must be a plain value or {{"time": ISO 8601}}, got {quoted(value)}') from error


def check_array(match: re.Match[str], array: Array, path: str, lengths: dict[str, int]) -> None:
    """InvalidFieldError unless an array is of its kind."""
    shape = match["shape"].split(", ")
    if array.dtype != match["dtype"] or array.ndim != len(shape):
        raise InvalidFieldError(
            path, f"must be {match['dtype']}[{match['shape']}], got {array.dtype} of shape {array.shape}"
        )
    for name, length in zip(shape, array.shape, strict=True):
        check_length(name, length, path, lengths)
    if np.isnan(array).any() or not (match["inf"] or np.isfinite(array).all()):
        raise InvalidFieldError(path, "must hold finite numbers" if match["inf"] is None else "must not hold NaN")
    if match["below"] and array.size and not (array.min() >= 0 and array.max() < lengths[match["below"]]):
        raise InvalidFieldError(path, f"must hold positions among {lengths[match['below']]} {match['below']}")


def check_length(name: str, length: int, path: str, lengths: dict[str, int]) -> None:
    """InvalidFieldError if a length differs from that of other fields of this name; an empty name allows any length."""
    expected = int(name) if name.isdecimal() else lengths.setdefault(name, length) if name else length
    if length != expected:
        raise InvalidFieldError(path, f"must have the length {expected}, has {length}")


def quoted(value: object) -> str:
    """A value as errors show it, shortened."""
    text = type(value).__name__ if isinstance(value, dict | list) else repr(value)  # a list could be very long
    return text if len(text) <= _MAX_QUOTED else f"{text[:_MAX_QUOTED]}..."
