"""Datatypes of tensors: their valid elements, and the datatypes of columns and response fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Annotated, Any, Literal, Optional, get_args, get_origin

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from data.column import Column
from data.spellings import flag_spellings
from service.errors import FieldError
from service.inference_protocol.messages import Datatype
from service.requests.field_errors import shown

BYTES: Datatype = "BYTES"
JSON_ELEMENTS = {"content_type": "application/json"}
"""Parameters of a tensor whose elements are JSON documents."""
_OF_TYPE: Mapping[Any, Datatype] = {float: "FP64", int: "INT64", bool: "BOOL", str: BYTES}


_STRICT = Field(strict=True)


def _whole(smallest: int, largest: int) -> Any:
    return Annotated[int, Field(strict=True, ge=smallest, le=largest)]


_FLOAT, _BOOL, _TEXT = Annotated[float, _STRICT], Annotated[bool, _STRICT], Annotated[str, _STRICT]
_ELEMENTS: Mapping[str, tuple[Any, str]] = {
    **{f"FP{bits}": (_FLOAT, "a number") for bits in (16, 32, 64)},
    **{f"INT{n}": (_whole(-(2 ** (n - 1)), 2 ** (n - 1) - 1), f"an integer of {n} bits") for n in (8, 16, 32, 64)},
    **{f"UINT{n}": (_whole(0, 2**n - 1), f"an unsigned integer of {n} bits") for n in (8, 16, 32, 64)},
    "BOOL": (_BOOL, "true or false"),
    BYTES: (_TEXT, "a string"),
}
"""The element type of each datatype, and its name in error messages."""
_CHECKERS: Mapping[str, TypeAdapter[list[Any]]] = {
    name: TypeAdapter(list[Optional[kind]])  # type: ignore[valid-type]  # noqa: UP045
    for name, (kind, _words) in _ELEMENTS.items()
}


def checked_elements(name: str, datatype: Datatype, data: Sequence[Any]) -> tuple[list[Any], list[FieldError]]:
    """The elements of a tensor, and errors for those that are not of its datatype."""
    try:
        return _CHECKERS[datatype].validate_python(data), []
    except ValidationError:
        pass
    try:
        return _CHECKERS[datatype].validate_python([_as_meant(value, datatype) for value in data]), []
    except ValidationError as error:
        message = f"must be {_ELEMENTS[datatype][1]} or null, for the datatype {datatype}"
        found = error.errors(include_url=False, include_context=False)
    return [], [FieldError(path=element(name, e["loc"][0]), message=message, value=shown(e["input"])) for e in found]


def _as_meant(value: Any, datatype: Datatype) -> Any:
    """The value with lenient coercion, for clients that send integers as 48.0 or booleans as 1.0."""
    if type(value) not in (int, float):
        return value
    if datatype == "BOOL" and value in (0, 1):
        return bool(value)
    return int(value) if "INT" in datatype and type(value) is float and value.is_integer() else value


def element(name: str, place: object) -> str:
    """The name of a tensor's element in errors."""
    return f"{name}[{place}]"


def datatype_of_column(column: Column) -> Datatype:
    """The datatype in the metadata; other compatible ones are accepted, too."""
    if column.kind == "number":
        return "INT64" if column.whole else "FP64"
    if column.kind == "flag" and "true" in flag_spellings(column):
        return "BOOL"
    return BYTES


def datatype_of_value(value: Any, column: Column) -> Datatype:
    """A datatype in which this value of the column can be sent."""
    if column.kind == "numbers":
        return BYTES
    return _OF_TYPE[type(value)] if column.kind != "number" else datatype_of_column(column)


def datatype_of_field(field: FieldInfo) -> tuple[Datatype, bool]:
    """The datatype of a response field, and whether its elements are JSON documents."""
    of_type = _OF_TYPE.get(_scalar_type(field.annotation))
    return (BYTES, True) if of_type is None else (of_type, False)


def _scalar_type(annotation: Any) -> Any:
    """The type of an annotation's values if they all have the same one, else None."""
    if get_origin(annotation) is Literal:
        types = {type(value) for value in get_args(annotation)}
    elif get_origin(annotation) is not None and NoneType in get_args(annotation):
        types = {_scalar_type(inner) for inner in get_args(annotation) if inner is not NoneType}
    else:
        types = {annotation}
    return types.pop() if len(types) == 1 else None
