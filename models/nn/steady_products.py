"""Matrix products that give a row the same bits alone and in a batch.

The order in which a BLAS adds up may depend on the number of rows and on a row's position: small products, blocks of
rows and remainders go through different loops. So each shape of product is probed once, at its first use: how many
equal rows can be multiplied at once until their results differ from those in a small tile. More rows are multiplied in
pieces of that size. A processor that treats rows differently within the smallest tile would break this; none is known.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from models.nn.arrays import Array

MIN_TILE = 4
"""Minimum tile; a single row would be a matrix-vector product, which BLAS adds up in another order."""
MAX_ROWS = 1024
"""Maximum number of rows that callers multiply at once."""


def steady_product(inputs: Array, weights: Array) -> Array:
    """The product of every member, (n_members, n_rows, n_outputs); the bits of a row do not depend on the others.

    Parameters
    ----------
    inputs : (n_rows, n_inputs), shared by all members, or (n_members, n_rows, n_inputs); `n_rows` is a multiple of
        `rows_per_tile()`.
    weights : (n_members, n_inputs, n_outputs).
    """
    n_rows, n_inputs = inputs.shape[-2:]
    n_at_once = most_steady_rows(n_inputs, weights.shape[-1], weights.dtype)
    if n_rows <= n_at_once:
        whole: Array = np.matmul(inputs, weights)
        return whole
    n_in_pieces = n_rows - n_rows % n_at_once
    pieces = inputs[..., :n_in_pieces, :].reshape(*inputs.shape[:-2], -1, n_at_once, n_inputs)
    product: Array = np.matmul(pieces, weights[:, None]).reshape(len(weights), n_in_pieces, weights.shape[-1])
    if n_in_pieces == n_rows:
        return product
    return np.concatenate([product, np.matmul(inputs[..., n_in_pieces:, :], weights)], axis=1)


@cache
def rows_per_tile() -> int:
    """The smallest number of rows, all of which get equal bits in products of common shapes."""
    shapes = ((135, 64), (64, 32), (40, 64), (32, 1), (17, 5), (32, 300), (300, 8))
    for n_rows in (MIN_TILE, 2 * MIN_TILE):
        if all(_are_steady(n_rows, n_rows, *shape, np.dtype(np.float32)) for shape in shapes):
            return n_rows
    return MIN_TILE


@cache
def most_steady_rows(n_inputs: int, n_outputs: int, dtype: np.dtype[Any]) -> int:
    """The maximum number of rows, up to MAX_ROWS, for which a product of this shape has the bits of a tile."""
    tile = n_rows = rows_per_tile()
    while n_rows < MAX_ROWS:
        # Products between two powers of two may take other loops for their remainders
        tried = (n_rows + tile, 2 * n_rows - tile, 2 * n_rows)
        if not all(_are_steady(n_tried, tile, n_inputs, n_outputs, dtype) for n_tried in tried):
            break
        n_rows *= 2
    return n_rows


def _are_steady(n_rows: int, tile: int, n_inputs: int, n_outputs: int, dtype: np.dtype[Any]) -> bool:
    """Whether `n_rows` equal rows have equal products, the same as in a tile of `tile` rows."""
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((n_inputs, n_outputs)).astype(dtype)
    rows = np.tile(rng.standard_normal(n_inputs).astype(dtype), (n_rows, 1))
    in_tile = np.matmul(rows[:tile], weights)[0]
    return bool((np.matmul(rows, weights) == in_tile).all())
