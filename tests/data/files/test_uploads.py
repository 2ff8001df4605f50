"""Files from callers: read as other files are, unless they would become more than they may."""

import io
from contextlib import suppress

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import SourceError, TooLargeError
from data.files.parquet_pages import PageError, pages_of
from data.files.sources import read_frame
from data.files.uploads import MAX_COLUMNS, open_upload
from tests.drills.hostile.parquet_writer import I64, LIST, STRUCT, chunk, file_of, group, leaf, struct

MEBIBYTE = 2**20
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), max_size=6)
COLUMNS = {
    "number": st.none() | st.floats(allow_nan=False, width=32),
    "whole": st.none() | st.integers(-(2**60), 2**60),
    "text": st.none() | TEXTS,
    "yes": st.none() | st.booleans(),
    "time": st.none() | st.datetimes(min_value=pd.Timestamp("1900-01-01").to_pydatetime()),
}


def parquet_of(table, **options):
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def read(content, suffix=".parquet", needed=("a",), max_rows=100, max_bytes=MEBIBYTE):
    return open_upload(content, suffix, max_bytes).frame(needed, max_rows)


@settings(max_examples=25)
@given(
    rows=st.lists(st.fixed_dictionaries(COLUMNS), min_size=1, max_size=12),
    group_rows=st.integers(1, 12),
    max_rows=st.integers(1, 14),
    version=st.sampled_from(["1.0", "2.0"]),
    compression=st.sampled_from(["none", "snappy", "zstd"]),
    dictionary=st.booleans(),
)
def test_parquet_is_read_as_it_always_was(
    tmp_path_factory, rows, group_rows, max_rows, version, compression, dictionary
):
    """Whatever the groups, pages and encodings: the first rows with the values that the usual reader finds."""
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).convert_dtypes()
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    content = parquet_of(
        table,
        row_group_size=group_rows,
        data_page_version=version,
        compression=compression,
        use_dictionary=dictionary,
        data_page_size=16,
    )
    path = tmp_path_factory.mktemp("upload") / "file.parquet"
    path.write_bytes(content)

    found = read(content, needed=list(COLUMNS), max_rows=max_rows)

    pd.testing.assert_frame_equal(found, read_frame(path).head(max_rows), check_dtype=False)


@settings(max_examples=40)
@given(
    values=st.lists(TEXTS, min_size=1, max_size=200),
    version=st.sampled_from(["1.0", "2.0"]),
    dictionary=st.booleans(),
    statistics=st.booleans(),
)
def test_pages_tell_what_an_honest_footer_tells(values, version, dictionary, statistics):
    """The sizes of the pages with their headers add up to those in the footer that Arrow wrote."""
    content = parquet_of(
        pa.table({"a": values}),
        data_page_version=version,
        use_dictionary=dictionary,
        write_statistics=statistics,
        data_page_size=64,
        compression="zstd",
    )
    told = pq.ParquetFile(io.BytesIO(content)).metadata.row_group(0).column(0)
    start = min(told.data_page_offset, told.dictionary_page_offset or told.data_page_offset)

    pages = list(pages_of(memoryview(content), start, told.total_compressed_size))

    headers = told.total_compressed_size - sum(page.packed for page in pages)
    assert sum(page.unpacked for page in pages) + headers == told.total_uncompressed_size
    assert (pages[0].encoding is None) == (told.dictionary_page_offset is not None)


@settings(max_examples=300)
@given(content=st.binary(max_size=80), start=st.integers(0, 90), length=st.integers(0, 90))
def test_any_bytes_are_pages_or_none(content, start, length):
    """What is no page is a PageError and nothing else."""
    try:
        pages = list(pages_of(memoryview(content), start, length))
    except PageError:
        return
    assert start + length <= len(content)
    assert sum(page.packed for page in pages) <= length


def test_a_text_that_a_dictionary_holds_once_counts_for_every_row():
    """Ten kilobytes of parquet do not become gigabytes."""
    values = pa.DictionaryArray.from_arrays(pa.array([0] * 5_000, pa.int32()), pa.array(["x" * MEBIBYTE]))
    content = parquet_of(pa.table({"a": values}), compression="zstd", dictionary_pagesize_limit=2**30)
    assert len(content) < 20_000

    with pytest.raises(TooLargeError, match="holds texts of more than"):
        read(content, max_rows=5_000, max_bytes=2 * MEBIBYTE)


def test_pages_that_unpack_to_much_are_refused_before_they_do():
    """A column that is not needed is not unpacked, and may hold anything."""
    table = pa.table({"a": ["x" * 100_000] * 50, "b": list(range(50))})
    content = parquet_of(table, compression="zstd", use_dictionary=False)

    with pytest.raises(TooLargeError, match="unpacks to more than 1,048,576 bytes"):
        read(content)
    assert read(content, needed=("b",))["b"].tolist() == list(range(50))


def test_values_told_by_their_difference_are_refused():
    """DELTA_BYTE_ARRAY repeats the beginning of the value before, without bound."""
    table = pa.table({"a": ["x" * 100 + str(i) for i in range(50)]})
    content = parquet_of(table, use_dictionary=False, column_encoding={"a": "DELTA_BYTE_ARRAY"})

    with pytest.raises(SourceError, match="DELTA_BYTE_ARRAY"):
        read(content)


def test_long_blocks_and_lists_are_refused_where_they_are_wanted():
    """Values are read here."""
    table = pa.table({"a": pa.array([b"x" * 65], pa.binary(65)), "b": [[[1]]], "c": [{"d": 1}], "e": [1]})
    content = parquet_of(table)

    for name, why in (
        ("a", "values of 65 bytes"),
        ("b", "structures or nested lists"),
        ("c", "structures or nested lists"),
    ):
        with pytest.raises(SourceError, match=why):
            read(content, needed=(name,))
    assert read(content, needed=("e",))["e"].tolist() == [1]


def test_what_pandas_noted_takes_no_column_away():
    """A column that was an index once is a column."""
    file = io.BytesIO()
    pd.DataFrame({"a": [3, 4]}, index=pd.Index(["x", "y"], name="purpose")).to_parquet(file)

    upload = open_upload(file.getvalue(), ".parquet", MEBIBYTE)

    assert list(upload.columns) == ["a", "purpose"]
    assert upload.frame(["purpose"], 10)["purpose"].tolist() == ["x", "y"]


def test_a_footer_may_claim_anything():
    """Rows, bytes, columns and groups that are not there."""
    far = chunk(b"a", at=4, n_bytes=2**40, claimed=1, n_values=2**40)
    claims = {
        "no row": file_of([group(b"s", 1), leaf(b"a")], n_rows=10**18),
        "claims bytes": file_of(
            [group(b"s", 1), leaf(b"a")],
            n_rows=2**40,
            row_groups=[struct((1, LIST, (STRUCT, [far])), (2, I64, 10), (3, I64, 2**40))],
        ),
        "columns": file_of([group(b"s", 5_000), *[leaf(b"c%d" % i) for i in range(5_000)]]),
        "Exceeded size limit": file_of([group(b"s", 30_000), *[leaf(b"a")] * 30_000]),
    }
    assert read(claims.pop("no row")).empty
    for why, content in claims.items():
        with pytest.raises(SourceError, match=why):
            read(content)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@settings(max_examples=150)
@given(content=st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(suffix, content):
    """Never anything but a SourceError."""
    with suppress(SourceError):
        assert len(read(content, suffix)) <= 100


def test_a_csv_is_read_as_it_always_was(tmp_path):
    """Delimiter, spelling, empty cells and quotes are those of the usual reader."""
    content = '\ufeffname;n;"last ; one"\n007;1,5;"a ""b"""\n; NA;None\n'.encode()
    (tmp_path / "file.csv").write_bytes(content)

    found = read(content, ".csv")

    pd.testing.assert_frame_equal(found, read_frame(tmp_path / "file.csv"))
    assert list(open_upload(content, ".csv", 1).columns) == ["name", "n", "last ; one"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"," * MAX_COLUMNS + b"\n", "1,001 columns"),
        (b"," * 1_000_000 + b"\n", "1,000,001 columns"),
        (b"a," * 500 + b"b\n", "duplicate column"),
        (b",".join(b"c%d" % i for i in range(900)) + b"\n" + b"1\n" * 3_000, "2,700,900 cells"),
        (b",".join(b"c%d" % i for i in range(900)) + b"\n" + b"1\r" * 3_000, "2,700,900 cells"),
        (b",".join(b"c%d" % i for i in range(900)) + b"\r\n" + b"1\r\n" * 3_000, "2,700,900 cells"),
        (b",".join(b"c%d" % i for i in range(900)) + b"\r" + b"1\r\n1\r" * 1_500, "2,700,900 cells"),
        (b"a\n1,2\n", "cannot be read"),
        (b"", "is empty"),
    ],
    ids=["columns", "many columns", "twice", "cells", "after CR", "after CRLF", "after both", "long row", "nothing"],
)
def test_a_csv_that_would_become_too_much_is_refused(content, why):
    """The header and the number of lines tell it."""
    with pytest.raises(SourceError, match=why) as refused:
        read(content, ".csv", max_rows=5_000)
    assert len(str(refused.value)) < 1_000


def test_of_a_longer_file_no_more_is_read():
    """As many rows as are needed."""
    values = np.arange(1_000)
    assert len(read(pd.DataFrame({"a": values}).to_csv(index=False).encode(), ".csv", max_rows=7)) == 7
    assert len(read(parquet_of(pa.table({"a": values}), row_group_size=3), max_rows=7)) == 7
