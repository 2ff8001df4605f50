"""Untrusted files from callers, read in bounded time and memory.

A few kilobytes of parquet can unpack to gigabytes, and a line of commas to millions of columns, so sizes are checked
before anything is unpacked. `data.files.sources` reads trusted local files.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.errors import SourceError, TooLargeError
from data.files.parquet_pages import Page, PageError, pages_of
from data.files.sources import csv_dialect, header_names, reraise_as_source_error, rows_to_pandas

BODY = "the body"
MAX_COLUMNS = 1_000
_LINE_END = re.compile(rb"\r\n?|\n")
MAX_CELLS = 2_000_000
"""Limit of a CSV, such as 200 columns of 10,000 rows; a cell takes some fifty bytes of memory."""
MAX_PAGES = 20_000
MAX_IN_LISTS = 2_000_000
"""Numbers in all lists of a parquet file: a run of equal ones takes no more bytes the longer it is."""
MAX_LIST_MEMBERS = 20_000
"""Limit of any list in a parquet footer: columns, row groups."""
MAX_NOTES_BYTES = 4 * 2**20
"""Limit of any text in the footer, where programs store descriptions of all columns."""
LISTS = ("list", "element"), ("list", "item")
"""Paths to the values of a column of lists, as writers name them."""
MAX_FIXED = 64
"""Limit in bytes of the values of a fixed-length parquet column, such as decimals."""
_REMEDY = "send fewer rows at a time"
_DELTA_BYTE_ARRAY = 7
"""In this encoding every value may repeat a prefix of the one before, so the unpacked size is unbounded."""


class Upload(Protocol):
    """A file whose rows have not been read yet."""

    @property
    def columns(self) -> Sequence[str]:
        """All columns of the file, in order."""
        ...

    def frame(self, needed: Collection[str], max_rows: int) -> pd.DataFrame:
        """At most the first `max_rows` rows, with at least the needed columns.

        Raises
        ------
        SourceError
            The file cannot be read.
        TooLargeError
            It would exceed the memory limit.
        """
        ...


def open_upload(content: bytes, suffix: str, max_bytes: int) -> Upload:
    """Open a .csv or .parquet file.

    Parameters
    ----------
    max_bytes : limit of the unpacked needed columns of a parquet file.

    Raises
    ------
    SourceError
        It is not such a file.
    TooLargeError
        It has too many columns.
    """
    return ParquetUpload.of(content, max_bytes) if suffix == ".parquet" else CsvUpload.of(content)


@dataclass(frozen=True)
class CsvUpload:
    """A CSV, with its header read."""

    content: bytes
    options: dict[str, Any]
    columns: Sequence[str]

    @classmethod
    def of(cls, content: bytes) -> CsvUpload:
        """Read the header; see `open_upload`."""
        with reraise_as_source_error(BODY):
            end = _LINE_END.search(content)
            header = content[: end.end() if end else len(content)].decode("utf-8-sig")
            if not header.strip():
                raise pd.errors.EmptyDataError
            dialect = csv_dialect(header)
            if (n_columns := header.count(dialect["sep"]) + 1) > MAX_COLUMNS:
                raise _too_many_columns(n_columns)
            columns = header_names(header, dialect["sep"], BODY)
        return cls(content, dialect, columns)

    def frame(self, needed: Collection[str], max_rows: int) -> pd.DataFrame:
        """See `Upload`; with all columns, since a reader that skips some overlooks rows that are too long."""
        n_lines = self.content.count(b"\n") + self.content.count(b"\r") - self.content.count(b"\r\n")
        n_cells = min(n_lines, max_rows) * len(self.columns)
        if n_cells > MAX_CELLS:
            raise TooLargeError(
                f"{BODY} holds {n_cells:,} cells, more than the limit of {MAX_CELLS:,}; leave out the "
                "columns that the model does not use, or send fewer rows"
            )
        with reraise_as_source_error(BODY):
            frame: pd.DataFrame = pd.read_csv(io.BytesIO(self.content), **self.options, nrows=max_rows)
        return frame


@dataclass(frozen=True)
class ParquetUpload:
    """A parquet file, with its footer read."""

    content: bytes
    file: Any
    columns: Sequence[str]
    max_bytes: int

    @classmethod
    def of(cls, content: bytes, max_bytes: int) -> ParquetUpload:
        """Read the footer; see `open_upload`."""
        limits = {"thrift_string_size_limit": MAX_NOTES_BYTES, "thrift_container_size_limit": MAX_LIST_MEMBERS}
        with reraise_as_source_error(BODY):
            schema = pq.ParquetFile(pa.BufferReader(content), **limits).schema_arrow
            if len(schema.names) > MAX_COLUMNS:
                raise _too_many_columns(len(schema.names))
            texts = [field.name for field in schema if not pa.types.is_nested(field.type)]
            # keeps repeated values once in memory
            file = pq.ParquetFile(pa.BufferReader(content), read_dictionary=texts, **limits)
        return cls(content, file, schema.names, max_bytes)

    def frame(self, needed: Collection[str], max_rows: int) -> pd.DataFrame:
        """See `Upload`; with the needed columns only."""
        names = [name for name in dict.fromkeys(self.columns) if name in needed]
        with reraise_as_source_error(BODY):
            self._check(set(names))
            batches = list(self._batches(names, max_rows))
            if not batches:
                return pd.DataFrame(columns=names)
            # without pandas metadata, which could turn columns into an index
            rows = pa.Table.from_batches(batches).slice(0, max_rows).replace_schema_metadata(None)
            return rows_to_pandas(rows)

    def _batches(self, names: list[str], max_rows: int) -> Iterator[pa.RecordBatch]:
        """Batches until there are enough rows, with dictionary-encoded values decoded."""
        n_rows = n_bytes = 0
        for batch in self.file.iter_batches(max(1, max_rows), columns=names):
            n_bytes += sum(_text_bytes(column) for column in batch.columns)
            if n_bytes > self.max_bytes:
                raise TooLargeError(f"{BODY} holds texts of more than {self.max_bytes:,} bytes; {_REMEDY}")
            columns = [one.dictionary_decode() if _is_dictionary(one) else one for one in batch.columns]
            yield pa.RecordBatch.from_arrays(columns, batch.schema.names)
            n_rows += batch.num_rows
            if n_rows >= max_rows:
                return

    def _check(self, needed: set[str]) -> None:
        """Refuse needed columns that would unpack to more than the limit; others are not unpacked."""
        metadata, n_bytes, n_pages, n_in_lists = self.file.metadata, 0, 0, 0
        for group in range(metadata.num_row_groups):
            for position in self._positions(needed):
                for page in self._pages(metadata.row_group(group).column(position)):
                    n_bytes, n_pages = n_bytes + page.unpacked, n_pages + 1
                    n_in_lists += page.n_values * bool(self.file.schema.column(position).max_repetition_level)
                    if n_in_lists > MAX_IN_LISTS:
                        raise TooLargeError(f"{BODY} holds lists of more than {MAX_IN_LISTS:,} numbers; {_REMEDY}")
                    if page.encoding == _DELTA_BYTE_ARRAY:
                        raise SourceError(
                            f"{BODY} has a column in the encoding DELTA_BYTE_ARRAY, which is not supported"
                        )
                    if n_bytes > self.max_bytes or n_pages > MAX_PAGES:
                        raise TooLargeError(
                            f"{BODY} unpacks to more than {self.max_bytes:,} bytes, or has more than {MAX_PAGES:,} "
                            f"pages; {_REMEDY}"
                        )

    def _positions(self, needed: set[str]) -> list[int]:
        """The needed columns in the file; SourceError if one does not hold plain values."""
        found = []
        for position in range(len(self.file.schema)):
            column = self.file.schema.column(position)
            parts = column.path.split(".")
            if needed.isdisjoint(".".join(parts[:n]) for n in range(1, len(parts) + 1)):
                continue
            is_plain = column.max_definition_level <= 1 and column.path in needed
            is_list = column.max_repetition_level == 1 and parts[0] in needed and tuple(parts[1:]) in LISTS
            if not (is_list or (is_plain and not column.max_repetition_level)):
                raise SourceError(
                    f"{BODY} has a column of structures or nested lists, {column.path[:100]!r}; only values and lists "
                    "of numbers are supported"
                )
            if column.length is not None and column.length > MAX_FIXED:
                raise SourceError(f"{BODY} has a column with values of {column.length:,} bytes, {column.path[:100]!r}")
            found.append(position)
        return found

    def _pages(self, column: Any) -> Iterator[Page]:
        start = column.data_page_offset
        if column.dictionary_page_offset is not None and 0 < column.dictionary_page_offset < start:
            start = column.dictionary_page_offset
        try:
            yield from pages_of(memoryview(self.content), start, column.total_compressed_size)
        except PageError as error:
            raise SourceError(f"{BODY}: cannot be used as a parquet file: {error}") from error


def _is_dictionary(values: pa.Array) -> bool:
    return isinstance(values, pa.DictionaryArray)


def _text_bytes(values: pa.Array) -> int:
    """Memory of dictionary-encoded values after decoding."""
    if not _is_dictionary(values):
        return 0
    lengths = pc.cast(pc.binary_length(values.dictionary), pa.int64())
    return pc.sum(pc.take(lengths, values.indices)).as_py() or 0


def _too_many_columns(n_columns: int) -> TooLargeError:
    return TooLargeError(f"{BODY} has {n_columns:,} columns, more than the limit of {MAX_COLUMNS:,}")
