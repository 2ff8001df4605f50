"""Values that training did not cover: levels it saw too seldom, or never, and numbers beyond its range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.encoding.arrays import FEW_ROWS
from models.encoding.categories import CategoryBlock
from models.encoding.numbers import NumberBlock


def unseen_columns(blocks: Sequence[CategoryBlock], row: Mapping[str, Any]) -> list[str]:
    """The columns of a row with an unseen level; a column that the row lacks is missing, not unseen."""
    return [block.name for block in blocks if block.name in row and block.is_unseen(row[block.name])]


def unseen_in_rows(blocks: Sequence[CategoryBlock], rows: Sequence[Mapping[str, Any]]) -> dict[int, list[str]]:
    """The `unseen_columns` of rows, by position; rows without any are left out."""
    if len(rows) < FEW_ROWS:
        return {i: unseen for i, row in enumerate(rows) if (unseen := unseen_columns(blocks, row))}
    found: dict[int, list[str]] = {}
    for block in blocks:
        codes = block.codes_of_values([row.get(block.name) for row in rows])
        if block.unseen_code in codes:
            for i, code in enumerate(codes):
                if code == block.unseen_code:  # a missing value has another code, and so has an absent one
                    found.setdefault(i, []).append(block.name)
    return found


def uncovered(
    numbers: NumberBlock,
    ranges: Mapping[str, tuple[float, float]],
    categories: Sequence[CategoryBlock],
    frame: pd.DataFrame,
) -> Iterator[tuple[str, str, npt.NDArray[np.intp]]]:
    """Columns with values that training did not cover: their name, what is wrong, and the positions of the rows.

    Parameters
    ----------
    ranges : least and greatest number of training, by column. Numbers may lie a tenth of the range beyond it, since
        those of some new rows always do.
    """
    for name, (low, high) in ranges.items():
        values, margin = numbers.plain_values(frame, name), 0.1 * (high - low)
        if len(rows := np.flatnonzero((values < low - margin) | (values > high + margin))):
            yield name, f"beyond the training range {low:g} to {high:g}", rows
    for block in categories:
        if len(rows := np.flatnonzero(block.codes_of_frame(frame) == block.unseen_code)):
            yield block.name, "unseen or rare in training; scored like other rare values", rows
