"""A trained model as two files: `state.json`, a tree of plain values, and `state.safetensors`, its arrays.

An object is `{"type": its stored name, field: value, ...}`, an array `{"array": its name}`; the name is the array's
path in the tree, such as "network.network_.parameters". Types and fields are those of `stored_types`, and nothing else
is read: a bundle holds no names of classes, modules or functions, so that loading one never runs code from it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from data.errors import DataError
from data.table import Table
from models.errors import BundleError
from models.registry.array_file import Array, Buffer, parsed_json, read_arrays, write_arrays
from models.registry.stored_types import stored_types

STATE, ARRAYS = "state.json", "state.safetensors"
MAX_STATE_BYTES = 16 * 1024**2
MAX_BRACKETS, MAX_COMMAS = 200_000, 500_000
"""Limits of the values in a tree, which take many times their file size in memory."""
_MAX_QUOTED = 100
_SCALARS: Mapping[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "text": (str,)}
_ARRAY = re.compile(r"(?P<dtype>float32|float64|int8|int64)\[(?P<shape>[^\]]*)\]( < (?P<below>\w+))?(?P<inf> or inf)?")
_TABLE = TypeAdapter(Table)


class _FieldError(Exception):
    """A value that is invalid for its field."""

    def __init__(self, path: str, problem: object) -> None:
        super().__init__(f"{path}: {problem}" if path else str(problem))


def dump_state(model: object, name: str) -> dict[str, bytes]:
    """The two files of a trained model, an object of a stored type.

    Raises BundleError, for the model of this name, if it holds unsupported values; the text says where.
    """
    writer = _Writer()
    try:
        tree = writer.object(model, "")
    except _FieldError as error:
        raise BundleError(name, f"the model cannot be stored: {error}") from error
    state = json.dumps(tree, allow_nan=False, ensure_ascii=False, indent=1).encode() + b"\n"
    return {STATE: state, ARRAYS: write_arrays(writer.arrays)}


def load_state(state: bytes, arrays: Buffer, digest: str) -> Any:
    """Rebuild a model from its two files; its arrays are read-only views of `arrays`.

    Raises BundleError, for the bundle of this digest, if a type or field is unknown, missing or invalid; the text says
    where.
    """
    n_brackets = state.count(b"[") + state.count(b"{")
    if len(state) > MAX_STATE_BYTES or n_brackets > MAX_BRACKETS or state.count(b",") > MAX_COMMAS:
        raise BundleError(digest, f"{STATE} is too large and was not read")
    with _errors_of(ARRAYS, digest):
        reader = _Reader(read_arrays(arrays))
    with _errors_of(STATE, digest):
        model = reader.object("|".join(reader.types), parsed_json(state), "")
    if unused := sorted(reader.arrays):
        raise BundleError(digest, f"{ARRAYS}: unknown array {_quoted(unused[0])}")
    return model


@contextmanager
def _errors_of(file: str, digest: str) -> Iterator[None]:
    """Turn any error into a BundleError that names the file."""
    try:
        yield
    except Exception as error:  # forged values can make the code of a type raise anything
        raise BundleError(digest, f"{file}: {str(error)[:500] or type(error).__name__}") from error


class _Writer:
    """Converts objects to trees and collects their arrays."""

    def __init__(self) -> None:
        self._names = {cls: name for name, cls in stored_types().items()}
        self.arrays: dict[str, Array] = {}

    def object(self, one: object, path: str) -> dict[str, Any]:
        """An object of a stored type as a tree."""
        name = self._names.get(type(one))
        if name is None:
            raise _FieldError(path, f"{type(one).__name__} is not a stored type")
        attributes: Mapping[str, Any] = one.__getstate__() or {}  # type: ignore[assignment]
        tree, lengths = {"type": name}, dict[str, int]()
        for field, kind in _fields_of(type(one)).items():
            tree[field] = self._value(kind, attributes.get(field), _joined(path, field), lengths)
        return tree

    def _value(self, kind: str, value: Any, path: str, lengths: dict[str, int]) -> Any:
        if kind.endswith("?"):
            return None if value is None else self._value(kind[:-1], value, path, lengths)
        if match := _ARRAY.fullmatch(kind):
            return self._array(match, np.asarray(value), path, lengths)
        if kind.endswith("{}"):
            return {_scalar("text", key, path): self._value(kind[:-2], value[key], path, lengths) for key in value}
        if kind.endswith("]"):
            inner, length = _list_kind(kind)
            _check_length(length, len(value), path, lengths)
            return [self._value(inner, one, f"{path}[{i}]", lengths) for i, one in enumerate(value)]
        return self._leaf(kind, value, path)

    def _array(self, match: re.Match[str], array: Array, path: str, lengths: dict[str, int]) -> dict[str, str]:
        # Integers may be stored in another size; nothing else is converted
        converted = array.astype(match["dtype"]) if array.dtype.kind == np.dtype(match["dtype"]).kind == "i" else array
        if not np.array_equal(array, converted, equal_nan=converted.dtype.kind == "f"):
            raise _FieldError(path, f"numbers are too large for {match['dtype']}")
        _check_array(match, converted, path, lengths)
        self.arrays[path] = converted
        return {"array": path}

    def _leaf(self, kind: str, value: Any, path: str) -> Any:
        if kind == "table":
            return _TABLE.dump_python(value, mode="json")
        if kind == "value" and isinstance(value, datetime):
            return {"time": value.isoformat()}
        value = value.item() if isinstance(value, np.generic) else value
        return _scalar(kind, value, path) if _is_scalar(kind, value) else self.object(value, path)


class _Reader:
    """Converts trees to objects; `arrays` are those not used yet."""

    def __init__(self, arrays: dict[str, Array]) -> None:
        self.types = stored_types()
        self.arrays = arrays

    def object(self, kind: str, tree: Any, path: str) -> Any:
        """The object, of one of the stored types in `kind`, that a tree describes."""
        if not isinstance(tree, dict) or tree.get("type") not in kind.split("|"):
            found = tree.get("type") if isinstance(tree, dict) else tree
            raise _FieldError(path, f"must be an object of type {kind.replace('|', ' or ')}, got {_quoted(found)}")
        cls = self.types[tree["type"]]
        fields = _fields_of(cls)
        if unknown := sorted(tree.keys() - fields.keys() - {"type"}):
            raise _FieldError(path, f"unknown field {_quoted(unknown[0])}")
        if missing := sorted(fields.keys() - tree.keys()):
            raise _FieldError(path, f"field {missing[0]!r} is missing")
        lengths: dict[str, int] = {}
        attributes = {
            field: self._value(kind, tree[field], _joined(path, field), lengths) for field, kind in fields.items()
        }
        try:
            return _built(cls, attributes)
        except Exception as error:
            raise _FieldError(path, error) from error

    def _value(self, kind: str, value: Any, path: str, lengths: dict[str, int]) -> Any:
        if kind.endswith("?"):
            return None if value is None else self._value(kind[:-1], value, path, lengths)
        if match := _ARRAY.fullmatch(kind):
            return self._array(match, value, path, lengths)
        if kind.endswith("{}"):
            if not isinstance(value, dict):
                raise _FieldError(path, f"must be an object, got {_quoted(value)}")
            return {
                _scalar("text", key, path): self._value(kind[:-2], one, path, lengths) for key, one in value.items()
            }
        if kind.endswith("]"):
            inner, length = _list_kind(kind)
            if not isinstance(value, list):
                raise _FieldError(path, f"must be a list, got {_quoted(value)}")
            _check_length(length, len(value), path, lengths)
            return [self._value(inner, one, f"{path}[{i}]", lengths) for i, one in enumerate(value)]
        return self._leaf(kind, value, path)

    def _array(self, match: re.Match[str], value: Any, path: str, lengths: dict[str, int]) -> Array:
        array = self.arrays.pop(path, None) if value == {"array": path} else None
        if array is None:
            raise _FieldError(path, f"must be {{'array': {path!r}}} and stand in {ARRAYS}, got {_quoted(value)}")
        _check_array(match, array, path, lengths)
        return array

    def _leaf(self, kind: str, value: Any, path: str) -> Any:
        if kind == "table":
            return _table(value, path)
        if kind == "value" and isinstance(value, dict):
            return _time(value, path)
        return _scalar(kind, value, path) if _is_scalar(kind, value) else self.object(kind, value, path)


def _table(value: Any, path: str) -> Table:
    try:
        return _TABLE.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _FieldError(_joined(path, ".".join(map(str, first["loc"]))), first["msg"]) from error
    except DataError as error:
        raise _FieldError(path, error) from error


def _fields_of(cls: type) -> Mapping[str, str]:
    fields: Mapping[str, str] = cls.stored_fields  # type: ignore[attr-defined]
    return fields


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _list_kind(kind: str) -> tuple[str, str]:
    """The kind of a list's items, and the name of its length."""
    inner, _, length = kind[:-1].rpartition("[")
    return inner, length


def _built(cls: type, attributes: dict[str, Any]) -> Any:
    """An object with these attributes, created without `__init__`, as unpickling does."""
    one: Any = object.__new__(cls)
    if hasattr(one, "__setstate__"):
        one.__setstate__(attributes)
    else:
        vars(one).update(attributes)
    if hasattr(one, "check_restored"):
        one.check_restored()
    return one


def _is_scalar(kind: str, value: Any) -> bool:
    """Whether a field of this kind holds a plain value; of a union, whether it can."""
    return kind == "value" or not {*kind.split("|")}.isdisjoint(_SCALARS)


def _scalar(kind: str, value: Any, path: str) -> Any:
    """A plain value, converted to float if the kind is; _FieldError if it is not of the kind."""
    alternatives = [*_SCALARS] if kind == "value" else kind.split("|")
    if kind == "value" and value is None:
        return None
    for one in alternatives:
        if type(value) in _SCALARS[one]:  # a bool is not an int here
            break
    else:
        raise _FieldError(path, f"must be of the kind {kind.replace('|', ' or ')}, got {_quoted(value)}")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise _FieldError(path, f"{_quoted(value)} is not Unicode text") from error
    elif not abs(value) < 2**63 if isinstance(value, int) else not math.isfinite(value):
        raise _FieldError(path, f"must be a finite number, and a whole one of at most 63 bits, got {_quoted(value)}")
    return float(value) if kind == "float" else value


def _time(value: Mapping[str, Any], path: str) -> datetime:
    try:
        (text,) = (value[key] for key in ("time",) if len(value) == 1)
        return datetime.fromisoformat(text)
    except (KeyError, TypeError, ValueError) as error:
        raise _FieldError(path, f'must be a plain value or {{"time": ISO 8601}}, got {_quoted(value)}') from error


def _check_array(match: re.Match[str], array: Array, path: str, lengths: dict[str, int]) -> None:
    """_FieldError unless an array is of its kind."""
    shape = match["shape"].split(", ")
    if array.dtype != match["dtype"] or array.ndim != len(shape):
        raise _FieldError(path, f"must be {match['dtype']}[{match['shape']}], got {array.dtype} of shape {array.shape}")
    for name, length in zip(shape, array.shape, strict=True):
        _check_length(name, length, path, lengths)
    if np.isnan(array).any() or not (match["inf"] or np.isfinite(array).all()):
        raise _FieldError(path, "must hold finite numbers" if match["inf"] is None else "must not hold NaN")
    if match["below"] and array.size and not (array.min() >= 0 and array.max() < lengths[match["below"]]):
        raise _FieldError(path, f"must hold positions among {lengths[match['below']]} {match['below']}")


def _check_length(name: str, length: int, path: str, lengths: dict[str, int]) -> None:
    """_FieldError if a length differs from that of other fields of this name; an empty name allows any length."""
    expected = int(name) if name.isdecimal() else lengths.setdefault(name, length) if name else length
    if length != expected:
        raise _FieldError(path, f"must have the length {expected}, has {length}")


def _quoted(value: object) -> str:
    text = type(value).__name__ if isinstance(value, dict | list) else repr(value)  # a list could be very long
    return text if len(text) <= _MAX_QUOTED else f"{text[:_MAX_QUOTED]}..."
