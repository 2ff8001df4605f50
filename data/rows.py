"""Request rows: pydantic types built from a table.

A row is a dictionary (`TypedDict`) keyed by column name, since names can have any spelling ("Annual income (EUR)"),
and since the encoder reads dictionaries, so nothing is copied.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal, NotRequired

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    GetPydanticSchema,
    PlainValidator,
    TypeAdapter,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from data.column import Column, Kind
from data.numbers import MAX_SIZE
from data.spellings import MAX_CHARACTERS, flag_spellings, number_codes, text_codes, value_text
from data.table import Table
from data.times import EARLIEST, ISO_DATE, LATEST, parse_time

MAX_TEXT_CHARACTERS = 10_000


def row_adapter(table: Table) -> TypeAdapter[dict[str, Any]]:
    """A validator of the table's rows, as JSON or dictionaries, with their JSON schema."""
    return TypeAdapter(row_type(table))


def row_type(table: Table) -> Any:
    """The `TypedDict` of the table's inputs: typed, bounded, documented, without extra keys.

    A column that is absent has its default, if the table gives one. Valid values are returned unchanged, except that
    a flag becomes its level, an ISO 8601 text a datetime, and a code for "no value" None unless the encoder reads it.
    A category may hold levels that the table does not list.
    """
    fields = {column.name: _field(column) for column in table.inputs}
    words = re.findall(r"[A-Za-z0-9]+", table.name)
    name = "".join(["Row", *(word.capitalize() for word in words)])
    config = ConfigDict(title=row_title(table))
    if all(column.may_be_absent or column.example is not None for column in table.inputs):
        config["json_schema_extra"] = {"examples": [table.example()]}
    return closed_typed_dict(name, fields, table.description, config)


def row_title(table: Table) -> str:
    """The title of the JSON schema of the table's rows."""
    return f"{table.name} row"


def closed_typed_dict(name: str, fields: Mapping[str, Any], doc: str, config: ConfigDict | None = None) -> Any:
    """A `TypedDict` that forbids extra keys; `doc` is its description in the API documentation."""
    # mypy supports only TypedDicts with literal fields
    made = TypedDict(name, fields)  # type: ignore[misc]
    made.__doc__ = doc
    made.__pydantic_config__ = ConfigDict(extra="forbid", **(config or {}))  # type: ignore[attr-defined]
    return made


def value_type(column: Column) -> Any:
    """The type of a present value of the column."""
    return _TYPES[column.kind](column)


def _field(column: Column) -> Any:
    """A column's type with its documentation."""
    accepted: Any = value_type(column)
    if column.optional:
        accepted = accepted | None
    info = Field(
        default=... if column.default is None else column.default,
        validate_default=True,  # it is then written as one that is sent
        title=column.name,
        description=_description(column),
        examples=_examples(column) or None,
    )
    return NotRequired[Annotated[accepted, info]] if column.may_be_absent else Annotated[accepted, info]


def _description(column: Column) -> str:
    """Description, unit and allowed values in one line."""
    words = column.description.rstrip(".") + (f" ({column.unit})" if column.unit else "")
    words = f"{words}: {column.allowed}" if words else column.allowed
    if column.meanings:
        words += f" ({column.meanings_text})"
    if column.kind == "category" and column.levels:
        words += "; other levels are accepted, with a warning in the answer"
    return words


def _examples(column: Column) -> list[Any]:
    """The column's example first, then the known levels of a category."""
    levels = column.levels if column.kind == "category" else ()
    example = list(column.example) if isinstance(column.example, tuple) else column.example
    first: list[Any] = [] if example is None else [example]
    return first + [level for level in levels if level not in first]


def _number(column: Column) -> Any:
    bounds = Field(
        strict=True,
        allow_inf_nan=False,
        ge=column.minimum,
        le=column.maximum,
        multiple_of=1 if column.whole else None,  # pydantic's tolerance is a relative 1e-9
    )
    return _or_code(Annotated[float, bounds], number_codes(column))


def _category(column: Column) -> Any:
    accepted = _one_of(
        core_schema.str_schema(strict=True, min_length=1, max_length=MAX_CHARACTERS),
        core_schema.int_schema(strict=True, ge=-(2**63), le=2**64 - 1),  # the range of integers in a file
        # Exclusive: an integer just beyond is the bound itself once it is a float
        core_schema.float_schema(strict=True, allow_inf_nan=False, gt=-(2**63), lt=2**64),
        must_be=f"a text of 1 to {MAX_CHARACTERS} characters or a number",
    )
    if column.has_whole_levels:
        return Annotated[
            accepted, AfterValidator(lambda value: column.level_of(value) if type(value) is str else value)
        ]
    return accepted


def _flag(column: Column) -> Any:
    """True, false, or another word for them, see `flag_spellings`."""
    spellings, codes = flag_spellings(column), _without_value(column)

    def read(value: object) -> Any:
        if type(value) in (int, float, str) and value in codes:
            return None
        if type(value) in (bool, int, float, str):
            text = value_text(value)
            if text in spellings:
                if column.levels:
                    return spellings[text]
                return value if type(value) in (bool, int) else column.flag_values[spellings[text]] == 1
        raise PydanticCustomError("value", f"must be {column.allowed}")

    numbers = [int(text) for text in spellings if text.lstrip("-").isdecimal()]
    shown: Any = Literal[(*column.levels, *numbers, *codes)]
    return Annotated[Any, PlainValidator(read, json_schema_input_type=bool | shown if "true" in spellings else shown)]


def _time(column: Column) -> Any:
    def read(value: object) -> object:
        if column.format is None or isinstance(value, bool) or not isinstance(value, int | float | str):
            return value
        return parse_time(value, column.format) or value

    checks = (BeforeValidator(refuse_what_is_no_iso_date), BeforeValidator(read), AfterValidator(_refuse_far_times))
    accepted = Annotated[datetime, *checks]
    return _or_code(accepted, _without_value(column))


def _text(column: Column) -> Any:
    return _one_of(
        core_schema.str_schema(strict=True, max_length=MAX_TEXT_CHARACTERS),
        must_be=f"a text of at most {MAX_TEXT_CHARACTERS:,} characters",
    )


def _numbers(column: Column) -> Any:
    bounds: dict[str, float] = {"gt": 0} if column.positive_numbers else {"ge": -MAX_SIZE}
    number = core_schema.float_schema(strict=True, allow_inf_nan=False, le=MAX_SIZE, **bounds)  # type: ignore[arg-type]
    schema = core_schema.list_schema(number, strict=False, min_length=1, max_length=column.most_numbers)
    return Annotated[list[float], GetPydanticSchema(lambda _source, _handler: schema)]


_TYPES: dict[Kind, Callable[[Column], Any]] = {
    "number": _number,
    "category": _category,
    "flag": _flag,
    "key": _category,
    "time": _time,
    "text": _text,
    "numbers": _numbers,
}


def _one_of(*choices: CoreSchema, must_be: str) -> Any:
    """A union with one error for the column; a plain union reports an error for every member."""
    schema = core_schema.custom_error_schema(
        core_schema.union_schema(list(choices)), custom_error_type="value", custom_error_message=f"must be {must_be}"
    )
    return Annotated[Any, GetPydanticSchema(lambda _source, _handler: schema)]


def _or_code(accepted: Any, becomes: Mapping[Any, Any]) -> Any:
    """The type, or one of the codes for "no value", each replaced by its value in `becomes`."""
    if not becomes:
        return accepted

    def read(value: object, handler: ValidatorFunctionWrapHandler) -> Any:
        if type(value) in (int, float, str) and value in becomes:  # a bool equals a number, but is not a code
            return becomes[value]
        return handler(value)

    return Annotated[accepted, WrapValidator(read, json_schema_input_type=accepted | Literal[tuple(becomes)])]


def _without_value(column: Column) -> dict[int | str, None]:
    """The codes for "no value", as text and as whole number where they spell one; all become None."""
    texts = sorted(text_codes(column))
    return {**dict.fromkeys(texts), **{int(text): None for text in texts if text.lstrip("-").isdecimal()}}


def refuse_what_is_no_iso_date(value: object) -> object:
    """Refuse bare numbers, which pydantic accepts, guessing between seconds and milliseconds since 1970."""
    if isinstance(value, date) or (isinstance(value, str) and re.match(ISO_DATE, value)):
        return value
    raise PydanticCustomError("time", "must be a date or time (ISO 8601), for example 2024-05-31T13:45:00Z")


def _refuse_far_times(value: datetime) -> datetime:
    if EARLIEST.year <= value.year < LATEST.year:
        return value
    raise PydanticCustomError("time", f"must be a time from {EARLIEST.year} to {LATEST.year - 1}")
