"""Integrated gradients: the contribution of each feature to the difference of a row from a reference row."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from models.nn.arrays import Array
from models.nn.layers import Dense
from models.nn.network import Network

# Points of the path from the reference (0) to the row (1): its two ends, then the nodes of Gauss-Legendre quadrature;
# the ends have weight 0, as only their sums are needed
_N_NODES = 16  # contributions differ from those of 256 nodes by less than 0.1 points of a scorecard
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(_N_NODES)
_POINTS = np.array([0, 1, *((_NODES + 1) / 2)], np.float32)[:, None]
_WEIGHTS_OF_POINTS = np.array([0, 0, *(_WEIGHTS / 2)], np.float32)


def integrated_gradients(network: Network, row: Array, reference: Array, weights: Array | None = None) -> Array:
    """Contribution of each feature to the difference of the ensemble's sum between a row and the reference.

    The mean gradient along the straight path from reference to row, times the difference of the feature (Sundararajan,
    Taly and Yan 2017). The quadrature has a small error where the gradient jumps; it is distributed in proportion to
    the contributions, so that they add up to the difference. The first layer's sums are linear along the path, so they
    are computed at its two ends only.

    Parameters
    ----------
    row, reference : shape (n_features,).
    weights : of the outputs in the sum that is explained, shape (n_outputs,): 1 and -1 for the difference of two
        classes. None for a network with one output.

    Returns
    -------
    ndarray of shape (n_features,)
    """
    first, *others = network.layers
    sums_at_ends = first.sums(np.stack([reference, row]))
    start, end = sums_at_ends[:, :1], sums_at_ends[:, 1:]
    chosen = np.ones(1, np.float32) if weights is None else weights.astype(np.float32)
    slopes, last_sums = _slopes_at_first_sums(first, others, start + _POINTS * (end - start), chosen)
    mean_slopes = np.matmul(_WEIGHTS_OF_POINTS, slopes)[:, None, :]
    gradient = np.matmul(mean_slopes, first.weights.swapaxes(-1, -2))[:, 0].mean(axis=0)
    return completed(gradient * (row - reference), float(((last_sums[:, 1] - last_sums[:, 0]) @ chosen).mean()))


def completed(shares: npt.NDArray[Any], total: float) -> npt.NDArray[Any]:
    """The shares, corrected in proportion to their absolute values so that they add up to the total."""
    sizes = np.abs(shares)
    if not (size := sizes.sum()) > 0:
        return shares
    whole: npt.NDArray[Any] = shares + (total - shares.sum()) * (sizes / size)
    return whole


def _slopes_at_first_sums(first: Dense, others: list[Dense], sums: Array, chosen: Array) -> tuple[Array, Array]:
    """Derivative of each member's weighted last sums by its first layer's sums, and those last sums, at each point.

    Shapes (n_members, n_points, n_units) and (n_members, n_points, n_outputs).
    """
    passed: list[tuple[Dense, Array, Array]] = []
    for layer, following in zip((first, *others), others, strict=False):
        outputs = np.empty_like(sums)
        layer.activation.apply(sums, outputs)
        passed.append((layer, outputs, sums))
        sums = following.sums(outputs)
    last_sums = sums
    slopes = np.broadcast_to(chosen, last_sums.shape)
    for following, (layer, outputs, sums_before) in zip(reversed(others), reversed(passed), strict=True):
        slopes = np.matmul(slopes, following.weights.swapaxes(-1, -2))
        layer.activation.pull_back(slopes, outputs, sums_before)
    return slopes, last_sums
