"""Batch scoring of files: the rows are written with their answers, in order and in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from joblib import Parallel, delayed

from data.checking import checked_frame, unknown_columns
from data.errors import BadRowsError, Problem, SourceError
from data.files.formulas import n_formulas
from data.files.sources import SUFFIXES, iter_frames
from data.series.forecast_rows import VALUES, forecasts_in, holds_single_values
from models.answers.file_warnings import FileWarnings
from models.answers.frames import ScoredRows, answer_fields, score_frame
from models.contract import LiveModel

ROWS_PER_CHUNK = 50_000
CHUNKS_PER_WORKER = 2
"""Chunks queued per worker; more would only take memory."""

Watcher: TypeAlias = Callable[[int], object]
"""Progress callback; called with the number of rows just written."""


@dataclass(frozen=True)
class ScoredFile:
    """Summary of a scored file.

    Attributes
    ----------
    problems : of its first bad rows.
    warnings : of values that training did not cover.
    unknown_columns : columns the model ignored.
    n_formulas : texts written to a CSV that a spreadsheet would run as formulas, see `data.files.formulas`.
    """

    n_rows: int
    n_bad_rows: int
    problems: tuple[Problem, ...]
    warnings: FileWarnings
    unknown_columns: tuple[str, ...]
    n_formulas: int


def score_file(
    live: LiveModel,
    source: Path,
    target: Path,
    *,
    reasons: bool = False,
    n_workers: int = 1,
    rows_per_chunk: int = ROWS_PER_CHUNK,
    watcher: Watcher | None = None,
) -> ScoredFile:
    """Score a .csv, .csv.gz or .parquet file of any size into another one.

    The target has all columns of the source, the fields of the domain's answer, `warnings` and `error`. Rows that break
    a rule of the model's table keep their place, unscored, with the reason in `error`. The target is written
    atomically.

    A file of single values of series, for a model of forecasts, gives one row for each series instead, with its name
    and the time of its last value.

    Parameters
    ----------
    reasons : add a column with the reasons of adverse decisions, if the domain has reasons; takes up to a millisecond
        per adverse row.
    n_workers : processes that check, encode and score chunks; the calling process reads and writes.

    Raises
    ------
    SourceError
        The source cannot be read, is empty or has a column named like one of the answer's, or the target has an
        unsupported suffix or cannot hold the source's types.
    BadRowsError
        The source lacks a column that the model needs.
    """
    _check_target(source, target)
    frames = iter_frames(source, rows_per_chunk)
    first = next(frames, None)
    if first is None or len(first) == 0:
        raise SourceError(f"{source}: the file has no rows")
    of_series = holds_single_values(live.table, first)
    if live.table.windows or of_series:  # windows and series span all rows of the file
        first = pd.concat([first, *frames], ignore_index=True)
    if of_series:
        first = forecasts_in(live.table, first, str(source))
    checked_frame(live.table, first.iloc[:0], str(source), training=False)  # no rows: only the columns are checked
    columns = _texts(first, without=VALUES) if of_series else _source_fields(source, first)
    answers = answer_fields(live.domain, reasons=reasons)
    _refuse_doubles(source, columns, answers)
    n_rows, n_bad_rows, problems, warnings = 0, 0, list[Problem](), FileWarnings()
    n_formulas_seen, is_csv = 0, not target.name.lower().endswith(".parquet")
    with _written_whole(target, pa.schema([*columns, *answers])) as write:
        for frame, scored in _scored_chunks(live, chain([first], frames), reasons=reasons, n_workers=n_workers):
            rows = _beside(frame, columns, scored.answers)
            write(rows)
            if is_csv:
                n_formulas_seen += n_formulas(rows)
            n_rows += len(frame)
            n_bad_rows += len({problem.row for problem in scored.problems})
            problems += scored.problems[: BadRowsError.n_shown - len(problems)]
            warnings.add(scored.warnings)
            if watcher is not None:
                watcher(len(frame))
    unknown = tuple(unknown_columns(live.table, first))
    return ScoredFile(n_rows, n_bad_rows, tuple(problems), warnings, unknown, n_formulas_seen)


def n_rows_of(source: Path) -> int | None:
    """Number of rows of a file, if it can be found without reading the whole file; else None."""
    if not source.name.lower().endswith(".parquet") or not source.exists():
        return None
    try:
        n_rows: int = pq.read_metadata(source).num_rows
    except (pa.ArrowException, OSError):
        return None  # reading the file reports the error
    return n_rows


def _scored_chunks(
    live: LiveModel, frames: Iterator[pd.DataFrame], *, reasons: bool, n_workers: int
) -> Iterator[tuple[pd.DataFrame, ScoredRows]]:
    """Each frame with its answers, in order; at most `CHUNKS_PER_WORKER * n_workers` frames are in memory."""
    # max_nbytes=None: joblib's memory-mapped files would cost more than they save
    with Parallel(n_jobs=n_workers, return_as="generator", max_nbytes=None) as workers:
        while held := list(islice(frames, CHUNKS_PER_WORKER * n_workers)):
            scored = workers(delayed(score_frame)(live, frame, reasons=reasons) for frame in held)
            yield from zip(held, scored, strict=True)


def _source_fields(source: Path, first: pd.DataFrame) -> list[pa.Field]:
    """Schema of the source's columns in the target: CSV text stays text."""
    if not source.name.lower().endswith(".parquet"):
        return _texts(first)
    return [field.with_type(_written(field.type)) for field in pq.read_schema(source).remove_metadata()]


def _texts(frame: pd.DataFrame, without: str = "") -> list[pa.Field]:
    return [pa.field(str(name), pa.string()) for name in frame.columns if name != without]


def _written(kind: pa.DataType) -> pa.DataType:
    """The type of a column in the target: that of the source, without dictionaries, and with lists as JSON."""
    if pa.types.is_dictionary(kind):
        return kind.value_type
    return pa.string() if pa.types.is_nested(kind) else kind


def _beside(frame: pd.DataFrame, columns: list[pa.Field], answers: pa.Table) -> pa.Table:
    """The source rows with the answer columns appended."""
    rows = pa.Table.from_pandas(frame, pa.schema(columns), preserve_index=False)
    return pa.Table.from_arrays([*rows.columns, *answers.columns], schema=pa.schema([*columns, *answers.schema]))


def _refuse_doubles(source: Path, columns: list[pa.Field], answers: list[pa.Field]) -> None:
    names = {field.name for field in columns}
    if doubled := [field.name for field in answers if field.name in names]:
        raise SourceError(
            f"{source}: column(s) named like the answer's: {', '.join(map(repr, doubled))}; rename or remove them"
        )


def _check_target(source: Path, target: Path) -> None:
    if not target.name.lower().endswith(SUFFIXES):
        raise SourceError(f"{target}: a file must end in {', '.join(SUFFIXES)}")
    if not target.parent.is_dir():
        raise SourceError(f"{target}: there is no folder {target.parent}")
    if source.exists() and target.exists() and source.samefile(target):
        raise SourceError(f"{target}: is the source file; choose another name for the output")


@contextmanager
def _written_whole(target: Path, schema: pa.Schema) -> Iterator[Callable[[pa.Table], object]]:
    """Context manager of a function that writes rows; the file is renamed to `target` on success only."""
    partial = target.with_name(f".{target.name}.partial-{uuid4().hex}")
    try:
        with _writer(target.name.lower(), partial, schema) as write:
            yield write
        partial.replace(target)
    except pa.ArrowException as error:
        raise SourceError(f"{target}: cannot hold the source's values: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _writer(name: str, path: Path, schema: pa.Schema) -> Iterator[Callable[[pa.Table], object]]:
    """Context manager of a function that appends rows to a parquet or CSV file, by the suffix of `name`."""
    if name.endswith(".parquet"):
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            yield writer.write_table
        return
    with pa.output_stream(path, compression="gzip" if name.endswith(".gz") else None) as stream:
        stream.write(csv_text(schema.empty_table(), header=True))
        yield lambda rows: stream.write(csv_text(rows))


def csv_text(rows: pa.Table, *, header: bool = False) -> bytes:
    """The rows as UTF-8 CSV lines with minimal quoting; null is an empty cell.

    Arrow's own writer quotes every text, and pandas takes twice as long for numbers.
    """
    lines = pc.binary_join_element_wise(*[_cells(column) for column in rows.columns], ",").to_pylist()
    if header:
        lines.insert(0, ",".join(_cells(pa.array(rows.column_names)).to_pylist()))
    return "".join(f"{line}\n" for line in lines).encode()


def _cells(column: pa.ChunkedArray) -> pa.ChunkedArray:
    texts = pc.fill_null(pc.cast(column, pa.string()), "")
    if pa.types.is_primitive(column.type):  # numbers and times need no quotes
        return texts
    special = pc.match_substring_regex(texts, r'[",\r\n]')
    quoted = pc.binary_join_element_wise('"', pc.replace_substring(texts, '"', '""'), '"', "")
    return pc.if_else(special, quoted, texts)
