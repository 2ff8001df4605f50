"""Pixels of a file: recognised by their numbers, and described alike."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data.inference.infer import infer_table
from data.simulators import digits

GRID = [(row, column) for row in range(8) for column in range(8)]
SPELLINGS = {
    "p_r_c": [f"p_{row}_{column}" for row, column in GRID],
    "pixel0": [f"pixel{i}" for i in range(64)],
    "pixel1": [f"pixel{i + 1}" for i in range(64)],
    "1x1": [f"{row + 1}x{column + 1}" for row, column in GRID],
    "numbers": [str(i) for i in range(64)],
}


def file_of(names: list[str], n: int = 400) -> pd.DataFrame:
    """Pictures as a CSV has them, whole numbers with their digit as a number."""
    frame = digits.simulate(n, 0).frame.astype(int)
    return frame.rename(columns=dict(zip(frame.columns[:64], names, strict=True)))


@pytest.mark.parametrize("names", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_all_pixels_are_numbers_of_one_range(names: list[str]) -> None:
    """Blank corners and rarely touched edges too; the digits are levels."""
    table = infer_table(file_of(names), name="t", target="digit")
    pixels = [table[name] for name in names]
    assert {(one.kind, one.role, one.minimum, one.maximum, one.whole) for one in pixels} == {
        ("number", "feature", 0, 16, True)
    }
    assert pixels[9].description == "Pixel in row 2, column 2"
    assert (table.target.kind, table.target.levels) == ("category", tuple("0123456789"))


def test_shares_are_pixels_as_well() -> None:
    """From 0 to 1, and not whole."""
    frame = file_of(SPELLINGS["pixel0"])
    frame[SPELLINGS["pixel0"]] /= 16
    table = infer_table(frame, name="t", target="digit")
    assert {(table[name].maximum, table[name].whole) for name in SPELLINGS["pixel0"]} == {(1, False)}


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.drop(columns="pixel5"),
        lambda frame: frame.drop(columns="pixel63"),
        lambda frame: frame.assign(pixel5=-1),
        lambda frame: frame.assign(pixel5=np.where(frame.index == 3, np.nan, frame["pixel5"])),
        lambda frame: frame.assign(pixel5="x"),
        lambda frame: frame[[*frame.columns[1:64], frame.columns[0], "digit"]],
        lambda frame: frame.rename(columns={"pixel5": "dot5"}),
    ],
    ids=["one missing", "the last missing", "negative", "empty cell", "text", "another order", "another name"],
)
def test_numbered_columns_that_are_no_picture_are_described_one_by_one(change: object) -> None:
    """A constant is then ignored, and a number to predict stays one."""
    table = infer_table(change(file_of(SPELLINGS["pixel0"])), name="t", target="digit")  # type: ignore[operator]
    assert table["pixel0"].role == "ignore"
    assert table.target.kind == "number"


def test_a_few_numbered_questions_are_no_picture() -> None:
    """Sixteen of them are four times four; their flags stay flags."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.integers(0, 2, (100, 16)), columns=[f"q{i}" for i in range(16)]).assign(n=range(100))
    assert {infer_table(frame, name="t", target="n")[f"q{i}"].kind for i in range(16)} == {"flag"}
