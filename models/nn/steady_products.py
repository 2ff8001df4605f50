"""Matrix products that give a row the same bits alone and among others.

A BLAS adds up in an order of its own, and on some processors that order depends on how many rows there are and on a
row's place among them: small products, blocks of rows and what is left over go through different loops. So each shape
of product is tried once, at its first use, with equal rows: how many may be multiplied at once until they do not come
out as in a small tile. More rows are multiplied in pieces of so many. Where even the smallest tile is divided, that
cannot be helped here; no processor is known to do that.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from models.nn.arrays import Array

MIN_TILE = 4
"""Rows come in multiples of this at least: one row would be a matrix-vector product, with an order of its own."""
MAX_ROWS = 1024
"""As many rows as anybody multiplies at once."""


def steady_product(inputs: Array, weights: Array) -> Array:
    """The product of every member, (n_members, n_rows, n_outputs), each row added up in one order wherever it stands.

    Parameters
    ----------
    inputs : (n_rows, n_inputs), common to all members, or (n_members, n_rows, n_inputs); `n_rows` is a multiple of
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
    """The least number of rows that are multiplied alike, each of them, in products of usual shapes."""
    shapes = ((135, 64), (64, 32), (40, 64), (32, 1), (17, 5), (32, 300), (300, 8))
    for n_rows in (MIN_TILE, 2 * MIN_TILE):
        if all(_are_steady(n_rows, n_rows, *shape, np.dtype(np.float32)) for shape in shapes):
            return n_rows
    return MIN_TILE


@cache
def most_steady_rows(n_inputs: int, n_outputs: int, dtype: np.dtype[Any]) -> int:
    """How many rows, up to MAX_ROWS, a product of this shape may have and give each the bits that it has in a tile."""
    tile = n_rows = rows_per_tile()
    while n_rows < MAX_ROWS:
        tried = (n_rows + tile, 2 * n_rows - tile, 2 * n_rows)
        if not all(_are_steady(n_tried, tile, n_inputs, n_outputs, dtype) for n_tried in tried):
            break
        n_rows *= 2
    return n_rows


def _are_steady(n_rows: int, tile: int, n_inputs: int, n_outputs: int, dtype: np.dtype[Any]) -> bool:
    """Whether so many equal rows have equal products, and the same as in a tile of `tile` rows."""
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((n_inputs, n_outputs)).astype(dtype)
    rows = np.tile(rng.standard_normal(n_inputs).astype(dtype), (n_rows, 1))
    in_tile = np.matmul(rows[:tile], weights)[0]
    return bool((np.matmul(rows, weights) == in_tile).all())
