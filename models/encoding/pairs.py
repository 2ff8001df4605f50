"""Encoding of rows that share most of their columns, such as one person paired with many ads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.encoding.arrays import Features
from models.encoding.table_encoder import TableEncoder
from models.encoding.times import TimeBlock


def encode_pairs(encoder: TableEncoder, shared: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Features:
    """The same as `encode_rows` of `{**shared, **row}` for each row, but shared columns are encoded once.

    Parameters
    ----------
    shared : values of the columns that all rows have in common.
    rows : values of the other columns, at least one row.

    Returns
    -------
    ndarray of float32, shape (n_rows, n_features)
    """
    out = np.repeat(encoder.encode_rows([shared]), len(rows), axis=0)
    (start, stop), *slices = encoder.slices_
    numbers = encoder.numbers_
    if not shared.keys() >= set(numbers.names):  # numbers are encoded together
        values = numbers.values_of_rows(rows)
        for i, name in enumerate(numbers.names):
            if name in shared:
                values[:, i] = np.array(shared[name], np.float64)  # None becomes NaN
        numbers.encode(values, out[:, start:stop])
    for block, (start, stop) in zip(encoder.others_, slices, strict=True):
        if block.name in shared:
            continue
        if isinstance(block, TimeBlock):
            block.encode(block.parts_of_rows(rows), out[:, start:stop])
        else:
            out[:, start:stop] = block.vectors[[block.code(row.get(block.name)) for row in rows]]
    return out
