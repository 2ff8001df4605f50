"""Losses and their gradients.

`value` is the loss of each row, `gradient` its derivative by each of the row's outputs. For its
`natural_activation` (in statistics, the canonical link) the product of the two derivatives is simpler and numerically
safer than its factors, so `gradient_at_sums` gives dL/dz directly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from models.nn.arrays import Array


@dataclass(frozen=True)
class Loss:
    """A loss for arrays of shape (..., n_rows, n_outputs).

    Parameters
    ----------
    value : (sums, outputs, targets) -> loss of each row, shape (..., n_rows).
    gradient : (outputs, targets) -> dL/d(outputs), the shape of the outputs.
    natural_activation : the output activation with which dL/d(sums) has the short form `gradient_at_sums`.
    gradient_at_sums : (outputs, targets, out) -> None; writes dL/d(sums) of the natural pair into `out`.
    """

    name: str
    value: Callable[[Array, Array, Array], Array]
    gradient: Callable[[Array, Array], Array]
    natural_activation: str
    gradient_at_sums: Callable[[Array, Array, Array], None]


def _squared_error(sums: Array, outputs: Array, targets: Array) -> Array:
    errors: Array = np.square(outputs - targets).sum(axis=-1)
    return errors


def _squared_error_gradient(outputs: Array, targets: Array) -> Array:
    return 2 * (outputs - targets)


def _squared_error_at_sums(outputs: Array, targets: Array, out: Array) -> None:
    np.subtract(outputs, targets, out=out)
    out *= 2


def _difference_at_sums(outputs: Array, targets: Array, out: Array) -> None:
    # log-loss after a sigmoid: dL/da = (a - y) / (a (1 - a)) and da/dz = a (1 - a), their product is a - y.
    # After a softmax: dL/da_i = -y_i / a_i and da_i/dz_j = a_i ((i == j) - a_j), summed over i again a_j - y_j.
    np.subtract(outputs, targets, out=out)


def _binary_log_loss(sums: Array, outputs: Array, targets: Array) -> Array:
    # -y log s(z) - (1 - y) log(1 - s(z)) = log(1 + exp(z)) - y z, which stays exact where s(z) rounds to 0 or 1.
    # log(1 + exp(z)) = max(z, 0) + log(1 + exp(-|z|)) cannot overflow (np.logaddexp is the same at four times the cost)
    losses: Array = np.log1p(np.exp(-np.abs(sums)))
    losses += np.maximum(sums, 0) - targets * sums
    summed: Array = losses.sum(axis=-1)
    return summed


def _binary_log_loss_gradient(outputs: Array, targets: Array) -> Array:
    smallest = np.finfo(outputs.dtype).eps
    inside = np.clip(outputs, smallest, 1 - smallest)  # the division below must stay finite
    gradient: Array = (inside - targets) / (inside * (1 - inside))
    return gradient


def _multiclass_log_loss(sums: Array, outputs: Array, targets: Array) -> Array:
    # -log softmax(z)_y = log(sum_j exp(z_j)) - z_y, shifted by the largest sum so that exp stays finite
    shifted = sums - sums.max(axis=-1, keepdims=True)
    losses: Array = np.log(np.exp(shifted).sum(axis=-1)) * targets.sum(axis=-1) - (targets * shifted).sum(axis=-1)
    return losses


def _multiclass_log_loss_gradient(outputs: Array, targets: Array) -> Array:
    return -targets / np.maximum(outputs, np.finfo(outputs.dtype).tiny)


def _pinball(sums: Array, outputs: Array, targets: Array, quantile: Array | float) -> Array:
    missed = targets - outputs
    losses: Array = np.maximum(quantile * missed, (quantile - 1) * missed).sum(axis=-1)
    return losses


def _pinball_gradient(outputs: Array, targets: Array, quantile: Array | float) -> Array:
    return np.where(outputs < targets, -quantile, 1 - quantile).astype(outputs.dtype)


def _pinball_at_sums(outputs: Array, targets: Array, out: Array, quantile: Array | float) -> None:
    out[...] = _pinball_gradient(outputs, targets, quantile)


SQUARED_ERROR = Loss("squared_error", _squared_error, _squared_error_gradient, "identity", _squared_error_at_sums)
BINARY_LOG_LOSS = Loss("log_loss", _binary_log_loss, _binary_log_loss_gradient, "sigmoid", _difference_at_sums)
MULTICLASS_LOG_LOSS = Loss(
    "multiclass_log_loss", _multiclass_log_loss, _multiclass_log_loss_gradient, "softmax", _difference_at_sums
)


def pinball(*quantiles: float) -> Loss:
    """The loss whose minimum is the quantile (0 < quantile < 1) of the target given the inputs (Koenker 1978).

    With several quantiles there is one output for each, and their losses are summed.
    """
    for quantile in quantiles:
        if not 0 < quantile < 1:
            raise ValueError(f"quantile must lie between 0 and 1, got {quantile}")
    of_outputs = np.array(quantiles, np.float32) if len(quantiles) > 1 else quantiles[0]
    return Loss(
        "pinball",
        partial(_pinball, quantile=of_outputs),
        partial(_pinball_gradient, quantile=of_outputs),
        "identity",
        partial(_pinball_at_sums, quantile=of_outputs),
    )
