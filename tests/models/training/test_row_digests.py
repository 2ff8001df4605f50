"""Digests of rows: equal rows have one in every file, and the computation is the same for ever."""

from __future__ import annotations

import math
import struct
from hashlib import blake2b

import numpy as np
import pandas as pd
import pytest

from data.column import Column
from data.table import Table
from models.training.row_digests import row_columns, row_digests

FRAME = pd.DataFrame(
    {
        "amount": [0.1, -0.0, np.nan, 1e300],
        "level": pd.Series(["a", None, "", "\N{SNOWMAN}"], dtype=object),
        "at": np.array(["2026-01-01", "NaT", "1969-12-31T23:59:59.000001", "2026-01-01"], "datetime64[us]"),
    }
)
COLUMNS = ("amount", "level", "at")
WORD = 2**64


def mixed(number: int) -> int:
    """SplitMix64 in whole numbers of any size, as its authors print it."""
    number = (number + 0x9E3779B97F4A7C15) % WORD
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 % WORD
    number = (number ^ number >> 27) * 0x94D049BB133111EB % WORD
    return number ^ number >> 31


def code(cell: object) -> int:
    if isinstance(cell, float):
        bits: int = struct.unpack("<Q", struct.pack("<d", float("nan") if math.isnan(cell) else cell + 0.0))[0]
        return bits + 2**11 >> 12
    if isinstance(cell, pd.Timestamp) or cell is pd.NaT:
        return (-(2**63) if cell is pd.NaT else (cell - pd.Timestamp(0)) // pd.Timedelta(1, "us")) % WORD  # type: ignore[operator]
    return 0 if cell is None else int.from_bytes(blake2b(str(cell).encode(), digest_size=8).digest(), "little")


def test_digests_are_those_that_bundles_hold() -> None:
    """Computed cell by cell in Python's whole numbers: bundles of earlier releases are matched by them."""
    expected = []
    for place in range(len(FRAME)):
        found = 0
        for name in COLUMNS:
            found = mixed(found ^ mixed(code(FRAME[name].iloc[place])))
        expected.append(found)

    assert row_digests(FRAME, COLUMNS).tolist() == expected


def test_storage_makes_no_other_row() -> None:
    """Resolutions of time, kinds of NaN, both zeros, and the last bit, in which readers of decimals differ."""
    stored = FRAME.assign(
        amount=np.array([np.nextafter(0.1, 1), 0.0, -np.nan, 1e300]), at=FRAME["at"].astype("datetime64[ns]")
    )
    assert row_digests(stored, COLUMNS).tolist() == row_digests(FRAME, COLUMNS).tolist()


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 0.1 * (1 + 1e-11)},
        {"level": "b"},
        {"level": None},
        {"at": pd.Timestamp("2026-01-01 00:00:00.000001")},
    ],
)
def test_another_cell_makes_another_row(change: dict[str, object]) -> None:
    changed = FRAME.iloc[:1].copy()
    for name, value in change.items():
        changed[name] = pd.Series([value], dtype=FRAME[name].dtype)
    assert row_digests(changed, COLUMNS)[0] != row_digests(FRAME, COLUMNS)[0]


def test_columns_do_not_change_places() -> None:
    """A row with two equal columns differs from one with two other equal columns, and a, b from b, a."""
    pairs = pd.DataFrame({"one": [1.0, 2.0, 1.0, 2.0], "two": [1.0, 2.0, 2.0, 1.0]})
    assert len(set(row_digests(pairs, ("one", "two")).tolist())) == 4


def test_a_row_is_met_by_what_requests_hold_and_may_be_stored() -> None:
    table = Table(
        name="t",
        columns=(
            Column(name="amount", kind="number"),
            Column(name="name", kind="category", stored="hashed"),
            Column(name="iban", kind="key", role="entity", stored="left_out"),
            Column(name="at", kind="time", role="time"),
            Column(name="remark", kind="text", role="ignore"),
            Column(name="weight", kind="number", role="weight"),
            Column(name="y", kind="flag", role="target"),
        ),
    )
    assert row_columns(table) == ("amount", "at")
