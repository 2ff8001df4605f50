"""Pixels: the numbered columns of a file that are, together, the picture of each row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import isqrt

import numpy as np

from data.column import Column
from data.inference.column_facts import ColumnFacts

MIN_SIDE = 6
"""Smaller squares are more often questions of a form than pixels."""
MAX_WHOLE = 65_535
"""Brightness in 16 bits."""
_NUMBERED = re.compile(r"(.*?)(\d+)(?:([^\d]+)(\d+))?")


def pixel_columns(facts: Sequence[ColumnFacts]) -> dict[str, Column]:
    """The descriptions of the pixels among the inputs, by name; empty if there is no picture.

    Pixels are numbered row by row ("pixel0", "pixel1"; "p_0_0", "p_0_1"; "1x1", "1x2"), as many as a square picture
    has, never empty, and whole numbers from 0 on or shares. One by one they would be described as what they seldom are:
    a corner that is always blank as a constant, one that is rarely touched as a flag.
    """
    pixels = [seen for seen in facts if _NUMBERED.fullmatch(seen.name)]
    places = [_NUMBERED.fullmatch(seen.name) for seen in pixels]
    side = isqrt(len(pixels))
    if side < MIN_SIDE or side**2 != len(pixels) or len({(found[1], found[3]) for found in places if found}) != 1:
        return {}
    if not _in_order([(int(found[2]), int(found[4] or -1)) for found in places if found], side):
        return {}
    if not all(seen.is_number and not seen.is_empty.any() for seen in pixels):
        return {}
    whole = all((seen.numbers == np.floor(seen.numbers)).all() for seen in pixels)
    low, high = min(seen.numbers.min() for seen in pixels), max(seen.numbers.max() for seen in pixels)
    if low < 0 or not 0 < high <= (MAX_WHOLE if whole else 1):
        return {}
    return {seen.name: _pixel(seen, divmod(i, side), high, whole=whole) for i, seen in enumerate(pixels)}


def _in_order(places: Sequence[tuple[int, int]], side: int) -> bool:
    """Whether the numbers go through a picture row by row, from 0 or from 1 on; -1 where a name has one number."""
    n, start = len(places), places[0][0]
    plain = [(start + i, -1) for i in range(n)]
    by_row = [(start + i // side, start + i % side) for i in range(n)]
    return start in (0, 1) and list(places) in (plain, by_row)


def _pixel(seen: ColumnFacts, place: tuple[int, int], high: float, *, whole: bool) -> Column:
    value = float(seen.present.loc[seen.typical_row])
    return Column(
        name=seen.name,
        kind="number",
        description=f"Pixel in row {place[0] + 1}, column {place[1] + 1}",
        minimum=0,
        maximum=high,
        whole=whole,
        example=int(value) if whole else value,
    )
