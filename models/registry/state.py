"""A trained model as two files: `state.json`, a tree of plain values, and `state.safetensors`, its arrays.

An object is `{"type": its stored name, field: value, ...}`, an array `{"array": its name}`; the name is the array's
path in the tree, such as "network.network_.parameters". Types and fields are those of `stored_types`, and nothing else
is read: a bundle holds no names of classes, modules or functions, so that loading one never runs code from it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from data.errors import DataError
from data.table import Table
from models.array_file import Array, Buffer, parsed_json, read_arrays, write_arrays
from models.errors import BundleError
from models.home import Home
from models.registry.field_values import (
    ARRAY,
    InvalidFieldError,
    check_array,
    check_length,
    is_scalar,
    joined,
    list_kind,
    quoted,
    read_time,
    scalar,
)
from models.registry.stored_table import StoredTable
from models.registry.stored_types import stored_types

STATE, ARRAYS = "state.json", "state.safetensors"
MAX_STATE_BYTES = 16 * 1024**2
MAX_BRACKETS, MAX_COMMAS = 200_000, 500_000
"""Limits of the values in a tree, which take many times their file size in memory."""
_TABLE = TypeAdapter(StoredTable)


def dump_state(model: object, name: str) -> dict[str, bytes]:
    """The two files of a trained model, an object of a stored type.

    Raises BundleError, for the model of this name, if it holds unsupported values; the text says where.
    """
    writer = _Writer()
    try:
        tree = writer.object(model, "")
    except InvalidFieldError as error:
        raise BundleError(name, f"the model cannot be stored: {error}") from error
    state = json.dumps(tree, allow_nan=False, ensure_ascii=False, indent=1).encode() + b"\n"
    return {STATE: state, ARRAYS: write_arrays(writer.arrays)}


def load_state(state: bytes, arrays: Buffer, digest: str, home: Home | None = None) -> Any:
    """Rebuild a model from its two files; its arrays are read-only views of `arrays`.

    What it only names, such as a sentence encoder, is taken from the home; None if it names nothing.

    Raises BundleError, for the bundle of this digest, if a type or field is unknown, missing or invalid; the text says
    where.
    """
    n_brackets = state.count(b"[") + state.count(b"{")
    if len(state) > MAX_STATE_BYTES or n_brackets > MAX_BRACKETS or state.count(b",") > MAX_COMMAS:
        raise BundleError(digest, f"{STATE} is too large and was not read")
    with _errors_of(ARRAYS, digest):
        reader = _Reader(read_arrays(arrays), home)
    with _errors_of(STATE, digest):
        model = reader.object("|".join(reader.types), parsed_json(state), "")
    if unused := sorted(reader.arrays):
        raise BundleError(digest, f"{ARRAYS}: unknown array {quoted(unused[0])}")
    return model


@contextmanager
def _errors_of(file: str, digest: str) -> Iterator[None]:
    """Turn any error into a BundleError that names the file."""
    try:
        yield
    except Exception as error:  # forged values can make the code of a type raise anything
        raise BundleError(digest, f"{file}: {str(error)[:1_000] or type(error).__name__}") from error


class _Writer:
    """Converts objects to trees and collects their arrays."""

    def __init__(self) -> None:
        self._names = {cls: name for name, cls in stored_types().items()}
        self.arrays: dict[str, Array] = {}

    def object(self, one: object, path: str) -> dict[str, Any]:
        """An object of a stored type as a tree."""
        name = self._names.get(type(one))
        if name is None:
            raise InvalidFieldError(path, f"{type(one).__name__} is not a stored type")
        attributes: Mapping[str, Any] = one.__getstate__() or {}  # type: ignore[assignment]
        tree, lengths = {"type": name}, dict[str, int]()
        for field, kind in _fields_of(type(one)).items():
            tree[field] = self._value(kind, attributes.get(field), joined(path, field), lengths)
        return tree

    def _value(self, kind: str, value: Any, path: str, lengths: dict[str, int]) -> Any:
        if kind.endswith("?"):
            return None if value is None else self._value(kind[:-1], value, path, lengths)
        if match := ARRAY.fullmatch(kind):
            return self._array(match, np.asarray(value), path, lengths)
        if kind.endswith("{}"):
            return {scalar("text", key, path): self._value(kind[:-2], value[key], path, lengths) for key in value}
        if kind.endswith("]"):
            inner, length = list_kind(kind)
            check_length(length, len(value), path, lengths)
            return [self._value(inner, one, f"{path}[{i}]", lengths) for i, one in enumerate(value)]
        return self._leaf(kind, value, path)

    def _array(self, match: re.Match[str], array: Array, path: str, lengths: dict[str, int]) -> dict[str, str]:
        # Integers may be stored in another size; nothing else is converted
        converted = array.astype(match["dtype"]) if array.dtype.kind == np.dtype(match["dtype"]).kind == "i" else array
        if not np.array_equal(array, converted, equal_nan=converted.dtype.kind == "f"):
            raise InvalidFieldError(path, f"numbers are too large for {match['dtype']}")
        check_array(match, converted, path, lengths)
        self.arrays[path] = converted
        return {"array": path}

    def _leaf(self, kind: str, value: Any, path: str) -> Any:
        if kind == "table":
            return _TABLE.dump_python(value, mode="json")
        if kind == "value" and isinstance(value, datetime):
            return {"time": value.isoformat()}
        # numpy scalars are no JSON values
        value = value.item() if isinstance(value, np.generic) else value
        return scalar(kind, value, path) if is_scalar(kind, value) else self.object(value, path)


class _Reader:
    """Converts trees to objects; `arrays` are those not used yet."""

    def __init__(self, arrays: dict[str, Array], home: Home | None) -> None:
        self.types = stored_types()
        self.arrays, self.home = arrays, home

    def object(self, kind: str, tree: Any, path: str) -> Any:
        """The object, of one of the stored types in `kind`, that a tree describes."""
        if not isinstance(tree, dict) or tree.get("type") not in kind.split("|"):
            found = tree.get("type") if isinstance(tree, dict) else tree
            raise InvalidFieldError(path, f"must be an object of type {kind.replace('|', ' or ')}, got {quoted(found)}")
        cls = self.types[tree["type"]]
        fields = _fields_of(cls)
        if unknown := sorted(tree.keys() - fields.keys() - {"type"}):
            raise InvalidFieldError(path, f"unknown field {quoted(unknown[0])}")
        if missing := sorted(fields.keys() - tree.keys()):
            raise InvalidFieldError(path, f"field {missing[0]!r} is missing")
        lengths: dict[str, int] = {}
        attributes = {
            field: self._value(kind, tree[field], joined(path, field), lengths) for field, kind in fields.items()
        }
        try:
            return _built(cls, attributes, self.home)
        except Exception as error:
            raise InvalidFieldError(path, error) from error

    def _value(self, kind: str, value: Any, path: str, lengths: dict[str, int]) -> Any:
        if kind.endswith("?"):
            return None if value is None else self._value(kind[:-1], value, path, lengths)
        if match := ARRAY.fullmatch(kind):
            return self._array(match, value, path, lengths)
        if kind.endswith("{}"):
            if not isinstance(value, dict):
                raise InvalidFieldError(path, f"must be an object, got {quoted(value)}")
            return {scalar("text", key, path): self._value(kind[:-2], one, path, lengths) for key, one in value.items()}
        if kind.endswith("]"):
            inner, length = list_kind(kind)
            if not isinstance(value, list):
                raise InvalidFieldError(path, f"must be a list, got {quoted(value)}")
            check_length(length, len(value), path, lengths)
            return [self._value(inner, one, f"{path}[{i}]", lengths) for i, one in enumerate(value)]
        return self._leaf(kind, value, path)

    def _array(self, match: re.Match[str], value: Any, path: str, lengths: dict[str, int]) -> Array:
        array = self.arrays.pop(path, None) if value == {"array": path} else None
        if array is None:
            raise InvalidFieldError(path, f"must be {{'array': {path!r}}} and stand in {ARRAYS}, got {quoted(value)}")
        check_array(match, array, path, lengths)
        return array

    def _leaf(self, kind: str, value: Any, path: str) -> Any:
        if kind == "table":
            return _table(value, path)
        if kind == "value" and isinstance(value, dict):
            return read_time(value, path)
        return scalar(kind, value, path) if is_scalar(kind, value) else self.object(kind, value, path)


def _table(value: Any, path: str) -> Table:
    try:
        return _TABLE.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidFieldError(joined(path, ".".join(map(str, first["loc"]))), first["msg"]) from error
    except DataError as error:
        raise InvalidFieldError(path, error) from error


def _fields_of(cls: type) -> Mapping[str, str]:
    fields: Mapping[str, str] = cls.stored_fields  # type: ignore[attr-defined]
    return fields


def _built(cls: type, attributes: dict[str, Any], home: Home | None) -> Any:
    """An object with these attributes, created without `__init__`, as unpickling does."""
    one: Any = object.__new__(cls)
    if hasattr(one, "__setstate__"):
        one.__setstate__(attributes)
    else:
        vars(one).update(attributes)
    if hasattr(one, "restore_from"):
        if home is None:
            raise ValueError(f"a {cls.__name__} can only be restored from a home")
        one.restore_from(home)
    if hasattr(one, "check_restored"):
        one.check_restored()
    return one
