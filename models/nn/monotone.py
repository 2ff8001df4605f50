"""Monotone networks: outputs that never fall, or never rise, as an input rises.

A weighted sum rises with an input whose weight is not negative, and a rising activation keeps that up. So if an input
that has a direction carries weights of that sign, and the layers after the first no negative weights at all, the output
moves with the input, whatever the other inputs are. Inputs without a direction may carry weights of any sign in the
first layer. Only convex activations would make the output convex; therefore the hidden units are of three kinds, see
`activations` (Runje and Shankaranarayana 2023). There the absolute values of free weights are used; here the weights
themselves are put back within their bounds after each step, which leaves forward and backward as they are. There the
bounded kind is a convex half joined to a concave one; here it is the convex one up to 1, for half the time on a row.

It holds to the last bit: products and sums are rounded, but rounding never swaps two numbers, and both rows of a pair
go through the same operations in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.nn.arrays import Array
from models.nn.layers import Dense


def start_within_bounds(layers: Sequence[Dense], directions: Array) -> None:
    """Turn weights drawn for any sign into first weights of a monotone network.

    Parameters
    ----------
    directions : (n_inputs,), 1 where the outputs may only rise with the input, -1 where they may only fall, else 0.
    """
    first, *others = layers
    constrained = directions != 0
    first.weights[:, constrained] = np.abs(first.weights[:, constrained]) * directions[constrained, None]
    for layer in others:
        # Terms of one sign add up with their number, not with its root as those of random sign do
        np.abs(layer.weights, out=layer.weights)
        layer.weights /= np.sqrt(layer.n_inputs)


def put_within_bounds(layers: Sequence[Dense], directions: Array) -> None:
    """Set every weight that has left its bounds to zero; `directions` as in `start_within_bounds`."""
    first, *others = layers
    lowest = np.where(directions > 0, 0, -np.inf).astype(directions.dtype)[:, None]
    highest = np.where(directions < 0, 0, np.inf).astype(directions.dtype)[:, None]
    np.maximum(first.weights, lowest, out=first.weights)
    np.minimum(first.weights, highest, out=first.weights)
    for layer in others:
        np.maximum(layer.weights, 0, out=layer.weights)
