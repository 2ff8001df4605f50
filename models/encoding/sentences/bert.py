"""The forward pass of a BERT-class encoder (Devlin et al. 2019), in numpy.

    x = norm(word[ids] + position[:T] + kind[0])
    per layer: q, k, v = x W + b, split into heads; a = softmax(q k' / sqrt(width of a head))
               x = norm(x + (a v) W + b), then x = norm(x + gelu(x W + b) W + b)

Rows are tokens: those of the first text, of the second, and so on, then some of zeros that fill a tile, so that a text
has the same bits alone and among others (`models.nn.steady_products`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.encoding.sentences.products import Weights, product
from models.nn.arrays import Array
from models.nn.steady_products import rows_per_tile

GELU = (7.9788420e-1, 3.6334317e-2, -3.3140841e-5, -5.5239072e-5, 3.9691246e-6, -1.3345309e-7, 1.8058345e-9)
"""Of p in Phi(x) = (1 + tanh(x p(x^2))) / 2, with Phi the normal distribution: x Phi(x) is exact to 1e-7 (minimax)."""
GELU_REACH = 6.0
"""Beyond it Phi is 0 or 1 to 1e-9."""
ROWS_AT_ONCE = 32
"""Tokens whose inner units stay in the cache while their activation is computed."""


@dataclass(frozen=True)
class Norm:
    """Rows to mean 0 and variance 1, then a scale and a shift for each unit."""

    scale: Array
    shift: Array
    eps: float

    def __call__(self, x: Array) -> Array:
        """Normalise in place."""
        share = np.float32(1 / x.shape[1])
        x -= np.add.reduce(x, axis=1, keepdims=True) * share
        variance = np.einsum("ij,ij->i", x, x) * share
        x /= np.sqrt(variance + np.float32(self.eps))[:, None]
        x *= self.scale
        x += self.shift
        return x


@dataclass(frozen=True)
class Dense:
    """x W + b."""

    weights: Weights
    biases: Array

    def __call__(self, x: Array) -> Array:
        """The outputs of rows."""
        outputs = product(x, self.weights)
        outputs += self.biases
        return outputs


@dataclass(frozen=True)
class Layer:
    """Attention, then two dense layers for each token, each part with a shortcut around it.

    `queries_keys_values` has the three side by side; the queries are divided by the root of a head's width.
    """

    queries_keys_values: Dense
    attended: Dense
    attention_norm: Norm
    inner: Dense
    outer: Dense
    norm: Norm

    def __call__(self, x: Array, n_texts: int, n_tokens: int, n_heads: int) -> Array:
        """The inputs of the next layer, as x of shape (n_rows, width)."""
        shortcut, x = x, self.attended(attention(self.queries_keys_values(x), n_texts, n_tokens, n_heads))
        x += shortcut
        shortcut = self.attention_norm(x)
        units = self.inner(shortcut)
        for first in range(0, len(units), ROWS_AT_ONCE):
            gelu(units[first : first + ROWS_AT_ONCE])
        x = self.outer(units)
        x += shortcut
        return self.norm(x)


@dataclass(frozen=True)
class Bert:
    """Embeddings and layers.

    Parameters
    ----------
    words : (n_words, width). positions : (max_tokens, width), with the embedding of the first kind of text added.
    """

    words: Array
    positions: Array
    norm: Norm
    layers: tuple[Layer, ...]
    n_heads: int

    def states(self, ids: npt.NDArray[np.intp]) -> Array:
        """The last layer's state of each token, (n_texts, n_tokens, width), for ids of shape (n_texts, n_tokens)."""
        n_texts, n_tokens = ids.shape
        x: Array = np.zeros((-(-ids.size // rows_per_tile()) * rows_per_tile(), self.words.shape[1]), np.float32)
        tokens = x[: ids.size].reshape(n_texts, n_tokens, -1)
        np.add(self.words[ids], self.positions[:n_tokens], out=tokens)
        self.norm(x)
        for layer in self.layers:
            x = layer(x, n_texts, n_tokens, self.n_heads)
        return x[: ids.size].reshape(n_texts, n_tokens, -1)


def attention(projections: Array, n_texts: int, n_tokens: int, n_heads: int) -> Array:
    """For each token and head the values of its text's tokens, weighted by softmax(q k').

    Parameters
    ----------
    projections : (n_rows, 3 * width): queries, keys and values side by side, each head after head.

    Returns
    -------
    array of shape (n_rows, width)
    """
    size = n_texts * n_tokens
    parts = projections[:size].reshape(n_texts, n_tokens, 3, n_heads, -1).transpose(2, 0, 3, 1, 4)
    queries, keys, values = parts
    shares = keys @ queries.swapaxes(-1, -2)  # (n_texts, n_heads, keys, queries): fast to add up over the keys
    shares -= np.maximum.reduce(shares, axis=-2, keepdims=True)
    np.exp(shares, out=shares)
    shares /= np.add.reduce(shares, axis=-2, keepdims=True)
    outputs: Array = np.zeros((len(projections), projections.shape[1] // 3), np.float32)
    by_head = outputs[:size].reshape(n_texts, n_tokens, n_heads, -1).swapaxes(1, 2)
    np.matmul(shares.swapaxes(-1, -2), values, out=by_head)
    return outputs


def gelu(x: Array) -> Array:
    """The normal distribution at x, times x, in place."""
    squares = x.clip(-GELU_REACH, GELU_REACH)
    squares *= squares
    sums = squares * np.float32(GELU[-1])
    for coefficient in GELU[-2:0:-1]:
        sums += np.float32(coefficient)
        sums *= squares
    sums += np.float32(GELU[0])
    sums *= x
    np.tanh(sums, out=sums)
    sums += np.float32(1)
    x *= np.float32(0.5)
    x *= sums
    return x
