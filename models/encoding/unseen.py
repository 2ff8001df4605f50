"""Categories of a row that training saw too seldom, or never, to learn anything from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.encoding.arrays import FEW_ROWS
from models.encoding.categories import CategoryBlock


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
