"""Hostile CSV and parquet files, sent as batches.

    python tests/drills/hostile/files.py [--changes 300] [--seed 1] [--home FOLDER] [--database URL]

Lines of a million columns, quotes that never end, cells of megabytes; parquet files that unpack to gigabytes, claim
what they do not hold, are cut off, or have single bytes changed. Each must be refused or answered in seconds, in
bounded memory, while others are answered. Exit code 1 if anything is wrong.
"""

from __future__ import annotations

import io
import random
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from tests.drills.hostile.attacks import MEBIBYTE, Attack, arguments_of, play, request, served
from tests.drills.hostile.parquet_writer import I64, LIST, STRUCT, chunk, file_of, group, leaf, struct
from tests.drills.stage import end_with, example

BATCH = "/v1/credit/batch"
CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
MAX_MEBIBYTES = 350
N_ROWS = 10_000
REFUSED = (413, 422)
FORMULAS = ("=1+1", "+1", "-1", "@A1", "\t=1", "=cmd|'/C calc'!A0")


def csv(name: str, body: bytes, *expected: int, seconds: float = 3.0) -> Attack:
    return Attack(f"CSV: {name}", request("POST", BATCH, body, kind=CSV), expected or REFUSED, seconds)


def parquet(name: str, body: bytes, *expected: int, seconds: float = 3.0) -> Attack:
    return Attack(f"parquet: {name}", request("POST", BATCH, body, kind=PARQUET), expected or REFUSED, seconds)


def csv_of(rows: list[dict[str, Any]], **more: Any) -> bytes:
    return pd.DataFrame(rows).assign(**more).to_csv(index=False).encode()


def csvs() -> list[Attack]:
    """Bombs of text."""
    row = example("credit")
    good, header = csv_of([row]), ",".join(row).encode()
    line = good.split(b"\n")[1]
    wide = b",".join(b"c%d" % i for i in range(1_000_000))
    wrong = b",".join([b"!"] * len(row))
    many = header + b"," + b",".join(b"x%d" % i for i in range(900))
    return [
        csv("a million columns", wide + b"\n" + b"1," * 1_000_000),
        csv("60 million separators in one line", b"," * (60 * MEBIBYTE)),
        csv("60 MiB without a line break", b"x" * (60 * MEBIBYTE)),
        csv("a name twice, a million times", b"a," * 1_000_000),
        csv("a name twice, 900 times", b"a," * 900 + b"a\n1"),
        csv("921 columns, 60,000 rows of separators", (many + b"\n" + (b"," * 920 + b"\n") * 60_000)[: 60 * MEBIBYTE]),
        csv("921 columns, 2,000 rows", many + b"\n" + (line + b",1" * 900 + b"\n") * 2_000, 200, seconds=4),
        csv("30 million rows", header + b"\n" + b"\n".join([b"1"] * 30_000_000)),
        csv("10,000 rows of blanks", header + b"\n" + (b" " * 5_000 + b"\n") * N_ROWS, 200, *REFUSED, seconds=6),
        csv("a quote that never ends", good + b'"' + b"x" * (20 * MEBIBYTE)),
        csv("a quote that never ends in the header", b'"' + b"x" * (20 * MEBIBYTE)),
        csv("20 million quotes", good + b'"' * (20 * MEBIBYTE), 200, *REFUSED),
        csv("a cell of 10 MiB", csv_of([{**row, "purpose": "x" * (10 * MEBIBYTE)}]), 200),
        csv("a number of 10 MiB", csv_of([{**row, "amount_eur": "9" * (10 * MEBIBYTE)}]), 200),
        csv("an unknown column with cells of 10 MiB", csv_of([row], more="x" * (10 * MEBIBYTE)), 200),
        csv("a name of 100,000 letters", good.replace(b"amount_eur", b"a" * 100_000)),
        csv("a name of 10 MiB", good.replace(b"amount_eur", b"a" * (10 * MEBIBYTE))),
        csv("900 names of 10,000 letters", b",".join(b"%d" % i * 3_000 for i in range(100, 999)) + b"\n1"),
        csv("a cell too many", good + line + b",1"),
        csv("10,000 rows, every value wrong", header + b"\n" + (wrong + b"\n") * N_ROWS, 200, seconds=8),
        csv("NUL bytes", good + b"\0" * MEBIBYTE, 200, *REFUSED),
        csv("NUL in a cell", csv_of([{**row, "purpose": "a\0b"}]), 200, 422),
        csv("invalid UTF-8", good + b"\xff\xfe", 200, 422),
        csv("UTF-16", good.decode().encode("utf-16")),
        csv("two byte order marks", "\ufeff\ufeff".encode() + good),
        csv("carriage returns alone", good.replace(b"\n", b"\r"), 200, *REFUSED),
        csv("formulas", csv_of([{**row, "purpose": cell} for cell in FORMULAS]), 200),
        csv("a zip file", b"PK\x03\x04" + bytes(10_000)),
        csv("gzip", b"\x1f\x8b\x08" + bytes(10_000)),
    ]  # fmt: skip


def parquet_of(frame: pa.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(frame, file, **options)
    return file.getvalue()


def repeated(**changes: pa.Array) -> pa.Table:
    """The example row, repeated to the length of the changed columns."""
    n_rows = len(next(iter(changes.values())))
    columns = {name: pa.array([value] * n_rows) for name, value in example("credit").items()}
    return pa.table({**columns, **changes})


def in_dictionary(value: Any, n_rows: int = N_ROWS) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array([0] * n_rows, pa.int32()), pa.array([value]))


def bombs() -> list[Attack]:
    """Decompression bombs."""
    huge = "x" * (8 * MEBIBYTE)
    plain = pa.array(["x" * MEBIBYTE] * 500)
    step = "x" * 100_000
    singles = parquet_of(repeated(more=pa.array([1] * 20_000)), row_group_size=1)
    return [
        parquet(
            "8 MiB in a dictionary, 10,000 times (80 GiB)",
            parquet_of(repeated(purpose=in_dictionary(huge)), dictionary_pagesize_limit=2**30, compression="zstd"),
        ),
        parquet(
            "the same in a number column",
            parquet_of(repeated(amount_eur=in_dictionary(huge)), dictionary_pagesize_limit=2**30, compression="zstd"),
        ),
        parquet(
            "the same in an unknown column",
            parquet_of(repeated(more=in_dictionary(huge)), dictionary_pagesize_limit=2**30, compression="zstd"),
            200,  # 10,000 rows with answers
            seconds=8,
        ),
        parquet(
            "500 MiB in plain pages",
            parquet_of(repeated(purpose=plain), use_dictionary=False, compression="zstd"),
        ),
        parquet(
            "500 MiB in an unknown column",
            parquet_of(repeated(more=plain), use_dictionary=False, compression="zstd"),
            200,
        ),
        parquet(
            "1 GiB of one text each row, told by its difference",
            parquet_of(
                repeated(purpose=pa.array([f"{step}{i}" for i in range(N_ROWS)])),
                use_dictionary=False,
                column_encoding={"purpose": "DELTA_BYTE_ARRAY"},
            ),
        ),
        parquet(
            "blocks of 100 kB, 10,000 times",
            parquet_of(
                repeated(purpose=pa.array([b"x" * 100_000] * N_ROWS, pa.binary(100_000))),
                dictionary_pagesize_limit=2**30,
                compression="zstd",
            ),
        ),
        parquet("50 million rows of nothing", parquet_of(pa.table({"amount_eur": pa.nulls(50_000_000, pa.float64())}))),
        parquet("10 million rows of one number", parquet_of(repeated_numbers(10_000_000))),
        parquet("2,000 columns", parquet_of(repeated(**{f"x{i}": pa.array([1]) for i in range(2_000)}))),
        parquet("20,000 groups of one row", singles, seconds=6),
    ]  # fmt: skip


def repeated_numbers(n_rows: int) -> pa.Table:
    row = {name: value for name, value in example("credit").items() if not isinstance(value, str)}
    return pa.table({name: pa.array([value]).take(pa.array([0] * n_rows)) for name, value in row.items()})


def lies() -> list[Attack]:
    """Footers that claim what is not there."""
    rows = [struct((1, LIST, (STRUCT, [])), (2, I64, 10), (3, I64, 1))]
    far = chunk(b"amount_eur", at=4, n_bytes=2**40, claimed=1, n_values=2**40)
    one = [group(b"schema", 1), leaf(b"amount_eur")]
    claimed = struct((1, LIST, (STRUCT, [far])), (2, I64, 10), (3, I64, 2**40))
    good = parquet_of(repeated(more=pa.array([1] * 10)))
    return [
        parquet("10^18 rows and no group", file_of(one, n_rows=10**18)),
        parquet("10^12 rows in bytes that are not there", file_of(one, n_rows=2**40, row_groups=[claimed])),
        parquet("a million empty groups", file_of(one, n_rows=10**6, row_groups=rows * 10**6)),
        parquet("2 billion children of the root", file_of([group(b"schema", 2**31 - 1), leaf(b"a")])),
        parquet("nested 90 times", file_of([group(b"schema", 1), *[group(b"g", 1)] * 90, leaf(b"a")])),
        parquet("nested 100,000 times", file_of([group(b"schema", 1), *[group(b"g", 1)] * 100_000, leaf(b"a")])),
        parquet("nested 5 million times", file_of([group(b"schema", 1), *[group(b"g", 1)] * 5_000_000, leaf(b"a")])),
        parquet("100,000 columns", file_of([group(b"s", 100_000), *[leaf(b"c%d" % i) for i in range(100_000)]])),
        parquet("10,000 columns of one name", file_of([group(b"s", 10_000), *[leaf(b"amount_eur")] * 10_000])),
        parquet("a name of 50 MiB", file_of([group(b"s", 1), leaf(b"x" * 50 * MEBIBYTE)])),
        parquet("no schema", file_of([])),
        parquet("a footer of 4 GiB", b"PAR1" + bytes(100) + b"\xff\xff\xff\xffPAR1"),
        parquet("a footer of 0 bytes", b"PAR1" + bytes(4) + b"PAR1"),
        parquet("an encrypted footer", b"PARE" + good[4:-4] + b"PARE"),
        parquet("nothing", b"", 415, 422),
        parquet("only the magic number", b"PAR1PAR1"),
        parquet("CSV", csv_of([example("credit")])),
        *(parquet(f"cut off at {share:.0%}", good[: int(len(good) * share)]) for share in (0.01, 0.3, 0.6, 0.9, 0.99)),
        parquet("pandas' notes are nonsense", noted(b'{"index_columns": [{"kind": "range", "step": 0}]}'), 200),
        parquet("pandas' notes are no JSON", noted(b"\xff{"), 200),
        parquet("pandas' notes name a column as index", noted(b'{"index_columns": ["purpose"], "columns": []}'), 200),
        parquet("lists", parquet_of(repeated(purpose=pa.array([["a"]])))),
        parquet("structures", parquet_of(repeated(purpose=pa.array([{"a": 1}])))),
        parquet("lists in an unknown column", parquet_of(repeated(more=pa.array([["a"]]))), 200),
    ]  # fmt: skip


def noted(notes: bytes) -> bytes:
    """A valid file with forged pandas metadata."""
    return parquet_of(repeated(more=pa.array([1])).replace_schema_metadata({b"pandas": notes}))


def types() -> Iterator[Attack]:
    """Every type of value in columns of every kind: it fits, or each row says what it must be."""
    values = [
        pa.array([b"\xff\xfe"]),
        pa.array([b"\xff"], pa.binary(1)),
        pa.array([Decimal("1e30")]),
        pa.array([datetime(9999, 1, 1, tzinfo=UTC)]),
        pa.array([-(2**53)], pa.timestamp("s")),
        pa.array([date(1, 1, 1)]),
        pa.array([2**31 - 1], pa.date32()),
        pa.array([86_399], pa.time32("s")),
        pa.array([timedelta(days=10**6)]),
        pa.array([float("nan")]),
        pa.array([float("-inf")]),
        pa.array([2**64 - 1], pa.uint64()),
        pa.array([1e-320]),
        pa.array([65_504.0], pa.float16()),
        pa.array([True]),
        pa.array([None], pa.null()),
        pa.array([""], pa.large_string()),
        pa.array(["x"], pa.string_view()),
        pa.array(["\0"]),
        pa.array(["2024-01-01T00:00:00+99:99"]),
    ]
    for column in ("amount_eur", "purpose", "guarantor"):
        for value in values:
            yield parquet(f"{column} of type {value.type}", parquet_of(repeated(**{column: value})), 200, 422)


def changed(n_changes: int, seed: int) -> Iterator[Attack]:
    """A valid file with bytes changed at random, which must not crash the process."""
    good, randomness = parquet_of(repeated(more=pa.array(list(range(50)))), compression="zstd"), random.Random(seed)
    for number in range(n_changes):
        content = bytearray(good)
        for _ in range(randomness.choice((1, 1, 2, 5, 50))):
            content[randomness.randrange(len(content))] = randomness.randrange(256)
        yield parquet(f"bytes changed, {number}", bytes(content), 200, 413, 422)


def main() -> None:
    arguments = arguments_of(__doc__, changes=300, seed=1)
    attacks = [*csvs(), *bombs(), *lies(), *types()]
    with served(arguments) as target:
        before = target.memory()
        problems = play(target, attacks, most_mebibytes=MAX_MEBIBYTES)
        problems += play(target, changed(arguments.changes, arguments.seed), most_mebibytes=MAX_MEBIBYTES, quiet=True)
        left = target.memory() - before
    print(
        f"{len(attacks)} attacks and {arguments.changes} changed files, {len(problems)} problems; {left:.0f} MiB more"
    )
    end_with(problems)


if __name__ == "__main__":
    main()
