"""Matrix products that give a row the same bits alone and among others.

A BLAS adds up in an order of its own, and on some processors that order depends on a row's place in the matrix: blocks
of rows and what is left over go through different loops. So the product is tried once, at the first use, with equal
rows. Where they do not come out equal, rows are multiplied tile by tile, each tile too small to be divided. That costs
about a third of the speed, and only there.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from models.nn.arrays import Array

SMALLEST_TILE = 4
"""Rows come in multiples of this at least: one row would be a matrix-vector product, with an order of its own."""


def steady_product(inputs: Array, weights: Array) -> Array:
    """The product of every member, (n_members, n_rows, n_outputs), each row added up in one order wherever it stands.

    Parameters
    ----------
    inputs : (n_rows, n_inputs), common to all members, or (n_members, n_rows, n_inputs); `n_rows` is a multiple of
        `rows_per_tile()`.
    weights : (n_members, n_inputs, n_outputs).
    """
    if _is_steady(None):
        whole: Array = np.matmul(inputs, weights)
        return whole
    *members, n_rows, n_inputs = inputs.shape
    tiles = inputs.reshape(*(members or [1]), -1, rows_per_tile(), n_inputs)
    product: Array = np.matmul(tiles, weights[:, None])
    return product.reshape(len(weights), n_rows, weights.shape[-1])


@cache
def rows_per_tile() -> int:
    """How many rows are multiplied at once where the whole product is not steady."""
    if _is_steady(None):
        return SMALLEST_TILE
    return next((n_rows for n_rows in (8, SMALLEST_TILE) if _is_steady(n_rows)), SMALLEST_TILE)


@cache
def _is_steady(tile: int | None) -> bool:
    """Whether equal rows have equal products: all of a matrix (None), or those of one tile."""
    rng = np.random.default_rng(0)
    n_rows = tile or 100
    for n_inputs, n_outputs in ((135, 64), (64, 32), (40, 64), (32, 1), (17, 5)):
        weights = rng.standard_normal((n_inputs, n_outputs)).astype(np.float32)
        rows = np.tile(rng.standard_normal(n_inputs).astype(np.float32), (n_rows, 1))
        alone = np.matmul(rows[:SMALLEST_TILE], weights)[0] if tile is None else np.matmul(rows, weights)[0]
        if (np.matmul(rows, weights) != alone).any():
            return False
    return True
