"""Tensors to rows: a request of the protocol as rows for `answer_rows`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from pydantic import TypeAdapter

from data.column import Column
from data.numbers import numbers_of
from data.table import Table
from models.contract import ReasonScope, Row
from service.errors import (
    BinaryTensorsError,
    FieldError,
    InvalidRequestError,
    InvalidTensorsError,
    TooManyRowsError,
    shortened,
)
from service.inference_protocol.datatypes import BYTES, checked_elements, element
from service.inference_protocol.messages import InferenceRequest, InputTensor
from service.live.served_model import ServedModel
from service.requests.bodies import is_crowded, most_batch_values
from service.requests.field_errors import MAX_SUGGESTIONS, shown, why_not_taken
from service.requests.validation import refuse_unknown_names, validated
from service.scoring.batches import checked_rows

_REQUEST = TypeAdapter(InferenceRequest)
MAX_DIMENSIONS = 2
_ELSEWHERE = {"binary_data_size", "shared_memory_region"}
"""Parameters of tensors whose values are outside of `data`."""


def read_request(body: bytes, table: Table, max_rows: int) -> InferenceRequest:
    """The request in a body.

    Raises
    ------
    InvalidJsonError, InvalidTensorsError, TooManyRowsError
        The body is no valid JSON or no request of this protocol, or has far too many values.
    BinaryTensorsError
        Its values are outside of the JSON.
    """
    if is_crowded(body, most_batch_values(table, max_rows)):
        raise TooManyRowsError(max_rows)
    try:
        request = validated(_REQUEST, body)
    except InvalidRequestError as problem:
        raise as_tensor_errors(problem) from None
    if any(tensor.data is None and _ELSEWHERE & set(tensor.parameters or ()) for tensor in request.inputs):
        raise BinaryTensorsError
    return request


def as_tensor_errors(problem: Exception) -> Exception:
    """The error with all its field errors in one sentence, as the protocol has no list of errors."""
    errors = getattr(problem, "errors", None)
    return problem if errors is None else InvalidTensorsError(errors)


def reason_scope(request: InferenceRequest) -> ReasonScope:
    """The parameter `reasons`."""
    given = (request.parameters or {}).get("reasons", "adverse")
    for choice in get_args(ReasonScope):
        if given == choice:
            requested: ReasonScope = choice
            return requested
    message = f"must be one of {', '.join(get_args(ReasonScope))}"
    raise InvalidTensorsError([FieldError(path="parameters.reasons", message=message, value=shown(given))])


def rows_of(request: InferenceRequest, served: ServedModel, max_rows: int) -> tuple[list[Row], list[str]]:
    """The checked rows of a request, and the retired inputs that were ignored.

    Raises
    ------
    InvalidTensorsError
        The tensors do not match the table's columns, or values break its rules; the error names every one.
    TooManyRowsError
        It has more than `max_rows` rows.
    """
    ignored = [name for name in served.retired if any(tensor.name == name for tensor in request.inputs)]
    inputs = [tensor for tensor in request.inputs if tensor.name not in ignored]
    _check_names(inputs, served.live.table)
    n_rows = _n_rows(inputs or request.inputs)
    if n_rows > max_rows:
        raise TooManyRowsError(max_rows)
    columns = [_values(tensor, served.live.table[tensor.name]) for tensor in inputs]
    _refuse(error for _, errors in columns for error in errors)
    names = [tensor.name for tensor in inputs]
    raw_rows = [dict(zip(names, values, strict=True)) for values in zip(*(v for v, _ in columns), strict=True)]
    raw_rows = raw_rows or [{}] * n_rows  # without any input left, each row takes what stands for absent ones
    batch = checked_rows(served, raw_rows)
    _refuse(error.model_copy(update={"path": _place(error.path)}) for error in batch.errors)
    return [row for row in batch.rows if row is not None], ignored


def _refuse(errors: Iterable[FieldError]) -> None:
    if found := list(errors):
        raise InvalidTensorsError(found)


def _check_names(tensors: Sequence[InputTensor], table: Table) -> None:
    """Refuse unknown, repeated and missing columns."""
    columns = {column.name: column for column in table.columns}
    given = [tensor.name for tensor in tensors]
    _refuse_many_unknown(given, columns)
    errors: list[FieldError] = []
    for name in dict.fromkeys(given):
        column = columns.get(name)
        if column is None or not column.requested:
            message = why_not_taken(name, column, columns, suggest=len(errors) < MAX_SUGGESTIONS)
            errors.append(FieldError(path=shortened(name), message=message))
        elif (n_times := given.count(name)) > 1:
            errors.append(FieldError(path=name, message=f"must be given once, not {n_times} times"))
    for column in table.inputs:
        if not column.may_be_absent and column.name not in given:
            errors.append(FieldError(path=column.name, message=f"is missing; it must be {column.allowed}"))
    _refuse(errors)


def _refuse_many_unknown(given: Sequence[str], columns: Mapping[str, Column]) -> None:
    try:
        refuse_unknown_names((name for name in given if name not in columns), [*columns.values()])
    except InvalidRequestError as problem:
        raise as_tensor_errors(problem) from None


def _n_rows(tensors: Sequence[InputTensor]) -> int:
    """The number of rows: at least one, and equal in all tensors."""
    n_rows = tensors[0].shape[0] if tensors[0].shape else 0
    errors: list[FieldError] = []
    for tensor in tensors:
        if tensor.data is None:
            errors.append(FieldError(path=tensor.name, message="has no `data`"))
        elif tensor.shape not in ([n_rows], [n_rows, 1]) or n_rows < 1:
            words = f"must have the shape [{max(n_rows, 1)}] or [{max(n_rows, 1)}, 1]: one value for each row"
            errors.append(FieldError(path=tensor.name, message=words, value=shown(str(tensor.shape))))
        elif len(tensor.data) != n_rows:
            message = f"must have {n_rows} values, according to its shape"
            errors.append(FieldError(path=tensor.name, message=message, value=len(tensor.data)))
    _refuse(errors)
    return n_rows


def _values(tensor: InputTensor, column: Column) -> tuple[list[Any], list[FieldError]]:
    """The values of a column, None for missing ones, and errors for elements that are not of the tensor's datatype."""
    data = tensor.data or []
    if isinstance(data[0], list) and len(tensor.shape) == MAX_DIMENSIONS:
        wrong = [i for i, part in enumerate(data) if not isinstance(part, list) or len(part) != 1]
        if wrong:
            message = "must be a list of one value, like the others"
            return [], [FieldError(path=element(tensor.name, i), message=message, value=shown(data[i])) for i in wrong]
        data = [part[0] for part in data]
    values, errors = checked_elements(tensor.name, tensor.datatype, data)
    if tensor.datatype == BYTES and column.kind == "numbers":
        values = [numbers_of(value) or value for value in values]
    elif tensor.datatype == BYTES and column.kind != "text":
        values = [value or None for value in values]
    elif tensor.datatype.startswith("FP"):
        values = [None if value != value else value for value in values]  # noqa: PLR0124 - NaN alone differs from itself
    return values, errors


def _place(pointer: str) -> str:
    """/rows/17/income_eur -> income_eur[17]."""
    _, _, row, *column = pointer.split("/", 3)
    return element(column[0].replace("~1", "/").replace("~0", "~") if column else "row", row)
