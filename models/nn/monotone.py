"""Monotone networks: outputs that never fall, or never rise, as an input rises.

A weighted sum rises with an input whose weight is not negative, and an increasing activation preserves that. So if the
first weights of an input have the sign of its direction, and later layers have no negative weights, the output is
monotone in that input, whatever the other inputs are. Inputs without a direction may have first weights of any sign.
With convex activations alone the output could only be convex, so hidden units are of three kinds, see `activations`
(Runje and Shankaranarayana 2023). The paper uses absolute values of free weights; here the weights are projected to
their bounds after each step, which leaves forward and backward unchanged. The paper's bounded kind joins a convex half
to a concave one; here it is the convex one capped at 1, which halves the time per row.

It holds to the last bit: rounding is monotone, and both rows of a pair go through the same operations in the same
order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.nn.arrays import Array
from models.nn.layers import Dense


def start_within_bounds(layers: Sequence[Dense], directions: Array) -> None:
    """Turn initial weights of any sign into those of a monotone network.

    Parameters
    ----------
    directions : (n_inputs,), 1 where the outputs may only rise with the input, -1 where they may only fall, else 0.
    """
    first, *others = layers
    constrained = directions != 0
    first.weights[:, constrained] = np.abs(first.weights[:, constrained]) * directions[constrained, None]
    for layer in others:
        # A sum of n terms of one sign grows with n, one of random signs with sqrt(n)
        np.abs(layer.weights, out=layer.weights)
        layer.weights /= np.sqrt(layer.n_inputs)


def put_within_bounds(layers: Sequence[Dense], directions: Array) -> None:
    """Set every weight that has left its bounds to zero; `directions` as in `start_within_bounds`."""
    first, *others = layers
    lowest = np.where(directions > 0, 0, -np.inf).astype(directions.dtype)[:, None]
    highest = np.where(directions < 0, 0, np.inf).astype(directions.dtype)[:, None]
    np.maximum(first.weights, lowest, out=first.weights)
    np.minimum(first.weights, highest, out=first.weights)
    for layer in others:  # a negative weight would reverse the direction of all inputs
        np.maximum(layer.weights, 0, out=layer.weights)
