"""Products with the weights of an encoder, fast for the few tokens of one message and for those of many.

A BLAS repacks the weights for each product, which takes longer than the product of a few rows itself. It does not for
small ones, so a few rows are multiplied by narrow blocks of columns, many by all at once. Long rows are added up in
pieces, as a BLAS does on its own for many rows only: so the bits are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from models.nn.arrays import Array
from models.nn.steady_products import rows_per_tile, steady_product

FEW_ROWS = 32
MAX_INPUTS = 384
"""Inputs of a piece."""
BLOCK = 64
"""Columns of a block: a product of 32 rows with it has 8 * 10^5 multiplications; OpenBLAS repacks beyond 10^6."""
GAP = 16
"""Numbers after each row of weights: rows that start at multiples of 4 KiB would share a few lines of the cache."""


@dataclass(frozen=True)
class Weights:
    """A matrix of shape (n_inputs, n_outputs), piece after piece.

    `pieces` is of shape (n_pieces, n_inputs / n_pieces, n_outputs); `has_blocks` if a few rows are multiplied block by
    block.
    """

    pieces: Array
    has_blocks: bool

    @classmethod
    def of(cls, matrix: Array) -> Weights:
        """Laid out anew."""
        n_inputs, n_outputs = matrix.shape
        n_pieces = next(n for n in range(1, n_inputs + 1) if n_inputs % n == 0 and n_inputs // n <= MAX_INPUTS)
        spaced = np.zeros((n_pieces, n_inputs // n_pieces, n_outputs + GAP), np.float32)
        spaced[..., :n_outputs] = matrix.reshape(n_pieces, -1, n_outputs)
        has_blocks = n_outputs % BLOCK == 0 and _blocks_are_steady(n_inputs // n_pieces)
        return cls(spaced[..., :n_outputs], has_blocks)


def product(inputs: Array, weights: Weights) -> Array:
    """The product, (n_rows, n_outputs); `n_rows` is a multiple of `rows_per_tile()`. Bits do not depend on n_rows."""
    n_pieces, n_inputs, _ = weights.pieces.shape
    in_blocks = weights.has_blocks and len(inputs) <= FEW_ROWS
    outputs: Array = np.zeros(0)
    for i in range(n_pieces):
        part, piece = inputs[:, i * n_inputs : (i + 1) * n_inputs], weights.pieces[i]
        found = _product_in_blocks(part, piece) if in_blocks else steady_product(part, piece[None])[0]
        outputs = np.add(outputs, found, out=found) if i else found
    return outputs


def _product_in_blocks(inputs: Array, weights: Array) -> Array:
    outputs: Array = np.empty((len(inputs), weights.shape[1]), np.float32)
    np.matmul(inputs, _blocks(weights), out=_blocks(outputs))
    return outputs


def _blocks(matrix: Array) -> Array:
    """A view of (n_rows, n_columns) as (n_blocks, n_rows, BLOCK)."""
    return matrix.reshape(len(matrix), -1, BLOCK).swapaxes(0, 1)


@cache
def _blocks_are_steady(n_inputs: int) -> bool:
    """Whether a few rows have the same bits in blocks of columns as with all columns at once."""
    rng = np.random.default_rng(0)
    rows, weights = (rng.standard_normal(shape).astype(np.float32) for shape in ((FEW_ROWS, n_inputs), (n_inputs, 256)))
    expected = steady_product(rows, weights[None])[0]
    tile = rows_per_tile()
    return all(
        np.array_equal(_product_in_blocks(rows[:n], weights), expected[:n]) for n in range(tile, FEW_ROWS + 1, tile)
    )
