"""Activation functions, each with its backward step.

An activation turns a layer's weighted sums z into its outputs a = f(z). Backward, it turns dL/da into
dL/dz = dL/da * f'(z). Where f' can be written in terms of a (sigmoid: a (1 - a)), f may overwrite the sums;
`keeps_sums` marks the activations whose backward step needs them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from models.nn.arrays import Array


@dataclass(frozen=True)
class Activation:
    """A function of a layer's weighted sums and its derivative; both work in place on whole batches.

    Parameters
    ----------
    apply : (sums, out) -> None; writes f(sums) into `out`, which may be `sums` itself.
    pull_back : (grads, outputs, sums) -> None; turns dL/d(outputs) into dL/d(sums), in place in `grads`. `outputs` and
        `sums` are as `apply` left them, and are overwritten.
    keeps_sums : `pull_back` reads `sums`; for all others `apply` may write its outputs over them.
    """

    name: str
    apply: Callable[[Array, Array], None]
    pull_back: Callable[[Array, Array, Array], None]
    keeps_sums: bool = False


def _identity(sums: Array, out: Array) -> None:
    if out is not sums:
        out[...] = sums


def _identity_back(grads: Array, outputs: Array, sums: Array) -> None:
    """The slope is 1: nothing to do."""


def _sigmoid(sums: Array, out: Array) -> None:
    # 1 / (1 + exp(-z)) = (1 + tanh(z / 2)) / 2, which cannot overflow
    np.multiply(sums, 0.5, out=out)
    np.tanh(out, out=out)
    out += 1
    out *= 0.5


def _sigmoid_back(grads: Array, outputs: Array, sums: Array) -> None:
    grads *= outputs * (1 - outputs)


def _tanh(sums: Array, out: Array) -> None:
    np.tanh(sums, out=out)


def _tanh_back(grads: Array, outputs: Array, sums: Array) -> None:
    grads *= 1 - outputs * outputs


def _relu(sums: Array, out: Array) -> None:
    sums.clip(0, np.inf, out)  # over a large array twice as fast as np.maximum with a number


def _relu_back(grads: Array, outputs: Array, sums: Array) -> None:
    grads *= outputs > 0  # 1 where the unit was on, 0 where it was off


def _silu(sums: Array, out: Array) -> None:
    # z s(z), with s the sigmoid: z/2 (1 + tanh(z/2)). The backward step needs s(z) and the outputs, so while training,
    # with two arrays, s(z) overwrites z
    if out is sums:
        out *= 0.5
        out *= np.tanh(out) + 1
    else:
        np.copyto(out, sums)
        _sigmoid(sums, sums)
        out *= sums


def _silu_back(grads: Array, outputs: Array, sums: Array) -> None:
    # (z s)' = s + z s (1 - s) = 1 - (1 - s) (1 - z s)
    sums -= 1
    outputs -= 1
    sums *= outputs
    np.subtract(1, sums, out=sums)
    grads *= sums


@cache
def _kinds(n_units: int, dtype: np.dtype[Any]) -> tuple[Array, Array, Array]:
    """For each unit of a layer the sign of its curve, and the bounds that make z count on one side only; (n_units,).

    A third each are convex, concave and bounded; the remainder is convex.
    """
    third = n_units // 3
    concave, bounded = slice(n_units - 2 * third, n_units - third), slice(n_units - third, n_units)
    signs, above, below = np.ones(n_units, dtype), np.zeros(n_units, dtype), np.full(n_units, np.inf, dtype)
    signs[concave], above[concave], below[concave] = -1, -np.inf, 0
    above[bounded] = -np.inf
    return signs, above, below


def _rising_half(sums: Array, signs: Array, out: Array) -> None:
    # (1 + z) / 2 for z clipped to -1..1, or (1 - z) / 2 for concave units
    np.minimum(sums, 1, out=out)
    np.maximum(out, -1, out=out)
    out *= 0.5
    out *= signs
    out += 0.5


def _monotone(sums: Array, out: Array) -> None:
    # The parabola ((1 + z) / 2)^2, from 0 at -1 to 1 at 1. From there a convex unit continues as z and a bounded one
    # stays at 1; a concave unit is the convex one rotated about 0. Only comparisons and + - * on terms of one sign:
    # they are monotone even after rounding, which no library guarantees for exp or tanh
    sums = sums.copy() if out is sums else sums
    signs, above, below = _kinds(sums.shape[-1], sums.dtype)
    _rising_half(sums, signs, out)
    out *= out
    out *= signs
    np.maximum(out, sums + above, out=out)
    np.minimum(out, sums + below, out=out)


def _monotone_back(grads: Array, outputs: Array, sums: Array) -> None:
    # The parabola's slope (1 + z) / 2 ends at 1, the slope of z; a bounded unit's slope is 0 above 1
    signs, above, below = _kinds(sums.shape[-1], sums.dtype)
    is_bounded = (above != 0) & (below != 0)
    grads *= ~(is_bounded & (sums >= 1))
    _rising_half(sums, signs, sums)
    grads *= sums


def _softmax(sums: Array, out: Array) -> None:
    np.subtract(sums, sums.max(axis=-1, keepdims=True), out=out)  # the shift cancels and keeps exp finite
    np.exp(out, out=out)
    out /= out.sum(axis=-1, keepdims=True)


def _softmax_back(grads: Array, outputs: Array, sums: Array) -> None:
    # da_i/dz_j = a_i ((i == j) - a_j), so dL/dz_j = a_j (dL/da_j - sum_i dL/da_i a_i)
    grads -= (grads * outputs).sum(axis=-1, keepdims=True)
    grads *= outputs


ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation("identity", _identity, _identity_back),
        Activation("sigmoid", _sigmoid, _sigmoid_back),
        Activation("tanh", _tanh, _tanh_back),
        Activation("relu", _relu, _relu_back),
        Activation("silu", _silu, _silu_back, keeps_sums=True),
        Activation("monotone", _monotone, _monotone_back, keeps_sums=True),
        Activation("softmax", _softmax, _softmax_back),
    )
}
