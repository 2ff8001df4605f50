"""Which column pushed a prediction, and how far: integrated gradients along the way from a reference row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.nn.layers import Dense
from models.nn.network import Network

Features = npt.NDArray[np.float32]

# Nodes and weights of Gauss and Legendre on 0..1: the mean of a gradient over the way from the reference to the row
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_NODES, _WEIGHTS = ((_NODES + 1) / 2).astype(np.float32), (_WEIGHTS / 2).astype(np.float32)


def integrated_gradients(network: Network, row: Features, reference: Features) -> Features:
    """Share of each feature in the difference of the network's mean sum between a row and the reference.

    Along the straight way from reference to row each feature's gradient is averaged and multiplied by the distance it
    went (Sundararajan, Taly and Yan 2017); the shares add up to the difference of the two sums, up to the error of the
    16 points at which the gradient is taken. The way is straight, so the first layer's sums are a straight line too
    and need to be computed at its two ends only.

    Parameters
    ----------
    row, reference : shape (n_features,).

    Returns
    -------
    ndarray of shape (n_features,)
    """
    first, *others = network.layers
    sums_at_ends = first.sums(np.stack([reference, row]))
    start, end = sums_at_ends[:, :1], sums_at_ends[:, 1:]
    sums = start + _NODES[:, None] * (end - start)
    slopes = _slopes_at_first_sums(first, others, sums)
    mean_slopes = np.matmul(_WEIGHTS, slopes)[:, None, :]
    gradient: Features = np.matmul(mean_slopes, first.weights.swapaxes(-1, -2))[:, 0].mean(axis=0)
    return gradient * (row - reference)


def _slopes_at_first_sums(first: Dense, others: list[Dense], sums: Features) -> Features:
    """Derivative of each member's last sum by its first layer's sums, shape (n_members, n_points, n_units)."""
    passed: list[tuple[Dense, Features, Features]] = []
    for layer, following in zip((first, *others), others, strict=False):
        outputs = np.empty_like(sums)
        layer.activation.apply(sums, outputs)
        passed.append((layer, outputs, sums))
        sums = following.sums(outputs)
    slopes = np.ones_like(sums)
    for following, (layer, outputs, sums_before) in zip(reversed(others), reversed(passed), strict=True):
        slopes = np.matmul(slopes, following.weights.swapaxes(-1, -2))
        layer.activation.pull_back(slopes, outputs, sums_before)
    return slopes
