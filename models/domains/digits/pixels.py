"""The pixels of a table: its numbers, as many as a square picture has."""

from __future__ import annotations

from math import isqrt

from data.errors import TableError
from data.table import Table

MIN_SIDE = 2


def only_pixels(table: Table) -> Table:
    """The table with its numbers as the only features; TableError unless they make a square picture."""
    others = {column.name: {"role": "ignore"} for column in table.features if column.kind != "number"}
    pixels = [column for column in table.features if column.kind == "number"]
    side = isqrt(len(pixels))
    if side < MIN_SIDE or side**2 != len(pixels):
        raise TableError(
            f"table {table.name!r}: a picture of n x n pixels has n x n features of kind 'number', such as 64 for "
            f"8 x 8, row by row; the table has {len(pixels)}. Set role = 'ignore' for numbers that are no pixels, and "
            "kind = 'number', role = 'feature' for pixels that are always or mostly blank"
        )
    return table.with_columns(others)
