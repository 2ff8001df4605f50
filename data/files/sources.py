"""Reading of CSV and parquet files into frames.

A CSV has no types: every column is read as text, spelled as in the file ("007" stays "007"), and the table interprets
it; so chunks of a CSV never differ in type. Only `EMPTY_TEXTS` are read as missing.
"""

from __future__ import annotations

import csv
import gzip
import json
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data.column import level_text
from data.errors import SourceError
from data.numbers import is_list, number_bytes
from data.spellings import EXACT_WHOLE_NUMBERS

SUFFIXES = (".csv", ".csv.gz", ".parquet")


EMPTY_TEXTS = ("", "NA", "N/A", "#N/A", "<NA>", "NaN", "nan", "NULL", "null")
"""CSV cells that are read as missing. "None" and "none" are not, since they are frequent names of categories."""


_MAX_CHARACTERS, _MAX_NAMES = 100, 10
"""Limits for showing a wrong header in an error."""


_DELIMITERS = (",", ";", "\t", "|")


_MASKED_INTEGERS = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
}


def read_frame(path: Path) -> pd.DataFrame:
    """Read a whole .csv, .csv.gz or .parquet file; SourceError if it cannot be read."""
    if _suffix(path) == ".parquet":
        with reraise_as_source_error(path):
            return rows_to_pandas(pq.read_table(path))
    with reraise_as_source_error(path):
        frame: pd.DataFrame = pd.read_csv(path, **_csv_options(path))
        return frame


def iter_frames(path: Path, rows_per_chunk: int) -> Iterator[pd.DataFrame]:
    """Read a file of any size in frames of at most `rows_per_chunk` rows; their index counts on through the file."""
    with reraise_as_source_error(path):
        if _suffix(path) == ".parquet":
            file: Any = pq.ParquetFile(path)
            batches = file.iter_batches(rows_per_chunk)
            chunks: Iterator[pd.DataFrame] = (rows_to_pandas(pa.Table.from_batches([batch])) for batch in batches)
        else:
            file = chunks = pd.read_csv(path, **_csv_options(path), chunksize=rows_per_chunk)
    first = 0
    with file:
        while True:
            with reraise_as_source_error(path):  # not around the yield: errors of the caller are not reading errors
                frame = next(chunks, None)
            if frame is None:
                return
            frame.index = pd.RangeIndex(first, first + len(frame))
            first += len(frame)
            yield frame


def _suffix(path: Path) -> str:
    """The file suffix, which decides the format."""
    for suffix in SUFFIXES:
        if path.name.lower().endswith(suffix):
            return suffix
    raise SourceError(f"{path}: a file must end in {', '.join(SUFFIXES)}")


@contextmanager
def reraise_as_source_error(path: object) -> Iterator[None]:
    """Convert exceptions of the readers to a SourceError about the file."""
    try:
        with warnings.catch_warnings():
            # Pandas only warns, and drops cells, if rows are longer than the header
            warnings.simplefilter("error", pd.errors.ParserWarning)
            yield
    except FileNotFoundError as error:
        raise SourceError(f"{path}: file not found") from error
    except pd.errors.EmptyDataError as error:
        raise SourceError(f"{path}: the file is empty") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: the text is not UTF-8; save the file as CSV UTF-8") from error
    except (OSError, EOFError, zlib.error, csv.Error, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise SourceError(f"{path}: cannot be read: {error}") from error
    except pa.ArrowException as error:
        raise SourceError(f"{path}: cannot be used as a parquet file: {error}") from error
    except (ValueError, OverflowError) as error:  # e.g. a date beyond the year 9999
        raise SourceError(f"{path}: holds a value that cannot be used: {error}") from error


def _csv_options(path: Path) -> dict[str, Any]:
    """The reader options for a file, after a check of its header."""
    with reraise_as_source_error(path):
        opened: Any = gzip.open if _suffix(path) == ".csv.gz" else open
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            header = file.readline()
    options = csv_dialect(header)
    header_names(header, options["sep"], path)
    return options


def header_names(header: str, delimiter: str, source: object) -> list[str]:
    """The names in the first line of a CSV; SourceError for duplicates."""
    names = next(csv.reader([header], delimiter=delimiter, skipinitialspace=True), [])
    if twice := sorted(name for name, n in Counter(names).items() if n > 1):
        shown = ", ".join(repr(name[:_MAX_CHARACTERS]) for name in twice[:_MAX_NAMES])
        raise SourceError(f"{source}: duplicate column(s) in the header: {shown}")
    return names


def csv_dialect(header: str) -> dict[str, Any]:
    """Options of `pandas.read_csv` that keep the spelling of every cell; the delimiter is that of the header."""
    return {
        "sep": max(_DELIMITERS, key=header.count),
        "dtype": str,
        "index_col": False,
        "keep_default_na": False,
        "na_values": list(EMPTY_TEXTS),
        "skipinitialspace": True,
        "encoding": "utf-8-sig",
    }


def rows_to_pandas(rows: pa.Table) -> pd.DataFrame:
    """A frame in which integers with empty cells stay integers; floats would change long ids.

    Lists of numbers become JSON, as a CSV has them.
    """
    if nested := [
        field.name for field in rows.schema if pa.types.is_nested(field.type) and not holds_numbers(field.type)
    ]:
        raise pa.ArrowInvalid(
            f"the column(s) {', '.join(map(repr, nested))} hold structures or lists of other things than numbers"
        )
    frame: pd.DataFrame = rows.to_pandas()
    for field in rows.schema:
        if pa.types.is_integer(field.type) and frame[field.name].dtype.kind == "f":
            frame[field.name] = rows[field.name].to_pandas(types_mapper=_MASKED_INTEGERS.get)
        if pa.types.is_nested(field.type):
            lists = rows[field.name].to_pylist()
            frame[field.name] = pd.Series([None if one is None else json.dumps(one) for one in lists], dtype=object)
    return frame


def holds_numbers(kind: pa.DataType) -> bool:
    """Whether it is the type of lists of numbers."""
    is_list: bool = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return is_list and bool(pa.types.is_integer(kind.value_type) or pa.types.is_floating(kind.value_type))


def frame_digest(frame: pd.DataFrame) -> str:
    """SHA-256 (hex) of the column names and all values, in their order.

    Equal values have equal digests in any storage type: int8, float64, categories and texts of plain numbers are equal,
    as are all spellings of an empty cell, and times of any resolution (in UTC).
    """
    digest = sha256(json.dumps([len(frame), *map(str, frame.columns)]).encode())
    for position in range(frame.shape[1]):
        for part in _canonical_parts(frame.iloc[:, position]):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
    return digest.hexdigest()


def _canonical_parts(values: pd.Series[Any]) -> tuple[bytes, ...]:
    """The content of a column as bytes: a tag, then numbers, times, or distinct texts and their order."""
    if pd.api.types.is_datetime64_any_dtype(values):
        moments = pd.DatetimeIndex(values)
        naive = moments if moments.tz is None else moments.tz_convert("UTC").tz_localize(None)
        return b"time", naive.to_numpy("datetime64[us]").astype("<i8").tobytes()
    if pd.api.types.is_numeric_dtype(values) and values.dtype.kind in "iufb":
        numbers = values.to_numpy(np.float64, na_value=np.nan)
        if not np.any(np.abs(numbers) >= EXACT_WHOLE_NUMBERS):
            return b"number", _number_bytes(numbers)
    values = values.astype(object)
    if any(map(is_list, values)):
        return b"numbers", *(number_bytes(one) if is_list(one) else level_text(one).encode() for one in values)
    positions, uniques = pd.factorize(values.mask(values == ""))
    texts = [level_text(value) for value in uniques]
    plain = [_plain_number(text) for text in texts]
    if None not in plain:
        return b"number", _number_bytes(np.array([*plain, np.nan], np.float64)[positions])
    return b"text", json.dumps(texts).encode(), positions.astype("<i8").tobytes()


def _plain_number(text: str) -> float | None:
    """The number if the text is its plain spelling, such as "2.5", "2" or "2.0"; else None."""
    try:
        number = float(text)
    except ValueError:
        return None
    is_plain = abs(number) < EXACT_WHOLE_NUMBERS and text in (repr(number), level_text(number))
    return number if is_plain else None


def _number_bytes(numbers: npt.NDArray[np.float64]) -> bytes:
    """The bytes of numbers, with one NaN and one zero."""
    canonical = np.where(np.isnan(numbers), np.nan, numbers + 0.0)
    return canonical.astype("<f8").tobytes()
