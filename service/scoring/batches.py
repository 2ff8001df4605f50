"""Batches: many rows in one request, as JSON, CSV or parquet, answered in order by one version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Annotated, Any

import pandas as pd
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json
from typing_extensions import TypedDict  # pydantic takes typing's own only from Python 3.12 on

from data.checking import check_frame, unknown_columns
from data.files.uploads import Upload, open_upload
from data.table import Table
from models.contract import ReasonScope, Row
from models.errors import EventError
from service.errors import FieldError, InvalidJsonError, InvalidRequestError, TooManyRowsError, shortened
from service.live.batch_answer import BatchAnswer
from service.live.served_model import ServedModel, unstorable
from service.requests.bodies import CSV, JSON, PARQUET, is_crowded, most_batch_values
from service.requests.call import Call
from service.requests.field_errors import event_field, field_errors, json_pointer, request_error, shown
from service.requests.validation import MAX_UNKNOWN, refuse_unknown_names
from service.scoring.batch_rows import answer_rows
from service.scoring.event_worker import EventWorker
from service.scoring.row_batcher import RowBatcher

MAX_ERRORS_PER_ROW = 20
MEDIA_TYPES = (JSON, CSV, PARQUET)
SUFFIXES = {CSV: ".csv", PARQUET: ".parquet"}


class BatchRequest(TypedDict):
    """A batch as JSON; rows are validated one by one, so that an invalid row does not fail the others."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    rows: Annotated[list[Any], Field(min_length=1)]


_BATCH_REQUEST = TypeAdapter(BatchRequest)


@dataclass(frozen=True)
class Batch:
    """The rows of a batch in order, None for invalid ones, the errors, and warnings about ignored columns."""

    rows: list[Row | None]
    errors: list[FieldError]
    warnings: list[str] = field(default_factory=list)


def answer_batch(
    served: ServedModel,
    kind: str,
    body: bytes,
    *,
    batcher: RowBatcher,
    events: EventWorker,
    batch_id: str,
    call: Call,
    reasons: ReasonScope,
    max_rows: int,
    max_bytes: int,
) -> bytes:
    """Answer a batch; takes up to seconds, so call it in a thread.

    Parameters
    ----------
    kind : media type of the body, one of `MEDIA_TYPES`.
    batcher, events : record the answers.
    batch_id : prefix of the prediction IDs.
    max_bytes : limit on the decompressed size of a parquet file.

    Returns
    -------
    A `BatchAnswer` as JSON.

    Raises
    ------
    InvalidJsonError, InvalidRequestError, SourceError
        The body as a whole cannot be read, has no rows, or lacks a column.
    TooManyRowsError
        It has more than `max_rows` rows.
    BusyError, DatabaseError
        The answers cannot be recorded now, or the rows are events that cannot be stored.
    """
    if kind == JSON:
        batch = read_json(served, body, max_rows)
    else:
        batch = read_file(served, body, SUFFIXES[kind], max_rows, max_bytes)
    valid = {place: row for place, row in enumerate(batch.rows) if row is not None}
    results = answer_rows(
        served,
        list(valid.values()),
        list(valid),
        batcher=batcher,
        events=events,
        batch_id=batch_id,
        call=call,
        reasons=reasons,
    )
    return _document(served, batch, dict(zip(valid, results, strict=True)))


def _document(served: ServedModel, batch: Batch, results: Mapping[int, str | EventError]) -> bytes:
    """A serialized `BatchAnswer` around answers that are JSON already.

    Parameters
    ----------
    results : of the valid rows, by place in the batch.
    """
    live, errors = served.live, list(batch.errors)
    answers: list[str | None] = [None] * len(batch.rows)
    for place, result in results.items():
        if isinstance(result, EventError):
            errors.append(event_field(result, ("rows", place)))
        else:
            answers[place] = result
    fields = {
        "model": live.name,
        "version": live.version,
        "policy_version": live.policy_version,
        "n_rows": len(answers),
        "n_answered": len(answers) - answers.count(None),
        "warnings": batch.warnings,
        "errors": errors,
    }
    parts = {name: to_json(value) for name, value in fields.items()}
    parts["answers"] = f"[{','.join(answer or 'null' for answer in answers)}]".encode()
    return b"{%s}" % b",".join(b'"%s":%s' % (name.encode(), parts[name]) for name in BatchAnswer.model_fields)


def read_json(served: ServedModel, body: bytes, max_rows: int) -> Batch:
    """The rows of `{"rows": [...]}`."""
    table = served.live.table
    if is_crowded(body, most_batch_values(table, max_rows)):
        raise TooManyRowsError(max_rows)
    try:
        sent = from_json(body)
        if isinstance(sent, dict):
            refuse_unknown_names(name for name in sent if name != "rows")
        raw_rows = _BATCH_REQUEST.validate_python(sent)["rows"]
    except ValidationError as error:
        raise request_error(error, table.columns) from None
    except ValueError as error:
        raise InvalidJsonError(f"Invalid JSON: {error}") from None
    if len(raw_rows) > max_rows:
        raise TooManyRowsError(max_rows)
    return checked_rows(served, raw_rows)


def checked_rows(served: ServedModel, raw_rows: Sequence[Any]) -> Batch:
    """The rows, each validated by itself against the version's table."""
    table = served.live.table
    rows: list[Row | None] = []
    errors: list[FieldError] = []
    ignored: set[str] = set()
    known = {column.name for column in table.inputs}
    for i, raw_row in enumerate(raw_rows):
        row = raw_row
        if served.retired and isinstance(raw_row, dict) and (names := served.retired.keys() & raw_row.keys()):
            row = {name: value for name, value in raw_row.items() if name not in names}
            ignored |= names
        try:
            if isinstance(row, dict) and len(row) > len(known) + MAX_UNKNOWN:
                refuse_unknown_names((name for name in row if name not in known), table.columns)
            rows.append(served.row.validate_python(row))
        except ValidationError as error:
            rows.append(None)
            errors += _row_errors(error, table, i, is_first=len(errors) < InvalidRequestError.n_shown)
        except InvalidRequestError as error:
            rows.append(None)
            errors += [one.model_copy(update={"path": json_pointer(["rows", i])}) for one in error.errors]
    return _storable(served, Batch(rows, errors, [why for name, why in served.retired.items() if name in ignored]))


def _storable(served: ServedModel, batch: Batch) -> Batch:
    """The batch, with an error in place of each event that databases cannot store."""
    if served.events is None:
        return batch
    found = [unstorable(row, ("rows", i)) if row is not None else [] for i, row in enumerate(batch.rows)]
    rows = [None if bad else row for row, bad in zip(batch.rows, found, strict=True)]
    return Batch(rows, [*batch.errors, *chain.from_iterable(found)], batch.warnings)


def _row_errors(error: ValidationError, table: Table, i: int, *, is_first: bool) -> list[FieldError]:
    """The first `MAX_ERRORS_PER_ROW` errors of a row.

    Parameters
    ----------
    is_first : whether to suggest the right name for a misspelled one, which takes ten times as long as the rest.
    """
    found = field_errors(error, table.columns, ("rows", i), max_errors=MAX_ERRORS_PER_ROW, suggest=is_first)
    if (n_more := error.error_count() - len(found)) > 0:
        message = f"has {n_more} more invalid values"
        found.append(FieldError(path=json_pointer(["rows", i]), message=message))
    return found


def read_file(served: ServedModel, body: bytes, suffix: str, max_rows: int, max_bytes: int) -> Batch:
    """The rows of a CSV or parquet file; unknown columns are ignored with a warning."""
    table = served.live.table
    upload = open_upload(body, suffix, max_bytes)
    header = pd.DataFrame(columns=[name for name in upload.columns if name not in served.retired])
    frame = _frame(upload, table, header, max_rows)
    _, problems = check_frame(table, header, training=False)
    if problems:
        raise InvalidRequestError([FieldError(path=json_pointer([p.column]), message=p.rule) for p in problems])
    checked, problems = check_frame(table, frame, training=False)
    bad = {problem.row - 1 for problem in problems}
    batch = Batch(
        rows=[None if i in bad else row for i, row in enumerate(_rows(checked))],
        errors=[
            FieldError(path=json_pointer(["rows", p.row - 1, p.column]), message=p.rule, value=shown(p.value))
            for p in problems
        ],
        warnings=[why for name, why in served.retired.items() if name in upload.columns]
        + [f"unknown column {shortened(name)!r} was ignored" for name in unknown_columns(table, header)]
        + [f"protected column {name!r} is no input and was ignored" for name in _protected(table, header)],
    )
    return _storable(served, batch)


def _protected(table: Table, header: pd.DataFrame) -> list[str]:
    """The file's protected columns that are no inputs."""
    return [one.name for one in table.columns if one.protected and not one.requested and one.name in header.columns]


def _frame(upload: Upload, table: Table, header: pd.DataFrame, max_rows: int) -> pd.DataFrame:
    """The file's rows with the columns of the table that are in the header, at least one row and at most `max_rows`."""
    frame = upload.frame(table.column_names, max_rows + 1)  # one row more shows that a file is too long
    if frame.empty:
        raise InvalidRequestError([FieldError(path="/rows", message="the file must have at least one row")])
    if len(frame) > max_rows:
        raise TooManyRowsError(max_rows)
    return frame.loc[:, frame.columns.isin(header.columns)]


def _rows(checked: pd.DataFrame) -> list[Row]:
    """The rows as JSON requests have them: None for a missing value."""
    names = checked.columns.tolist()
    values = checked.astype(object).where(checked.notna(), None)
    return [dict(zip(names, row, strict=True)) for row in values.itertuples(index=False, name=None)]
