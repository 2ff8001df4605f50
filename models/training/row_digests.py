"""Digests of rows, by which a row is met again in another file or a later job."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.numbers import is_list, number_bytes
from data.table import Table

RowDigests = npt.NDArray[np.uint64]

_UNREAD_BITS = 12
"""Last bits of a number that are not compared: twelve digits stay, since readers may differ in the last one."""


def row_columns(table: Table) -> tuple[str, ...]:
    """Columns by which a row is met again: those of requests whose values may be stored in plain.

    Windows depend on other rows, and the target may be corrected.
    """
    return tuple(column.name for column in table.inputs if column.stored == "plain")


def row_digests(frame: pd.DataFrame, columns: tuple[str, ...]) -> RowDigests:
    """A digest of each checked row, shape (n_rows,): equal rows have equal digests, in every file and release.

    Bundles hold them, so the computation may not change: SplitMix64's finalizer over the columns in turn.
    """
    found = np.zeros(len(frame), np.uint64)
    for name in columns:
        found = _mixed(found ^ _mixed(_codes(frame[name])))
    return found


def _codes(cells: pd.Series[Any]) -> RowDigests:
    """A code for every cell, equal for equal ones."""
    if cells.dtype.kind == "f":
        numbers = cells.to_numpy(np.float64, copy=True) + 0.0  # -0.0 is 0.0
        numbers[np.isnan(numbers)] = np.nan  # one of many
        return (numbers.view(np.uint64) + np.uint64(1 << (_UNREAD_BITS - 1))) >> np.uint64(_UNREAD_BITS)
    if cells.dtype.kind == "M":
        return cells.to_numpy("datetime64[us]").view(np.uint64)
    if any(map(is_list, cells)):
        return np.array([_code(number_bytes(cell)) if is_list(cell) else 0 for cell in cells], np.uint64)
    places, texts = pd.factorize(cells.astype(object))  # -1 where empty
    of_text = [_code(str(text).encode()) for text in texts]
    return np.array([*of_text, 0], np.uint64)[places]


def _code(content: bytes) -> int:
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "little")


def _mixed(numbers: RowDigests) -> RowDigests:
    """SplitMix64, in which every bit of a number changes half of the bits.

    Steele, Lea and Flood 2014, Fast splittable pseudorandom number generators.
    """
    mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
