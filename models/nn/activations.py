"""Activation functions, each with its way back.

An activation turns a layer's weighted sums z into its outputs a = f(z). On the way back it turns dL/da into
dL/dz = dL/da * f'(z). Wherever f' can be written in terms of a (sigmoid: a (1 - a)), the sums need not be kept and f
may overwrite them; `keeps_sums` marks those that cannot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.nn.arrays import Array


@dataclass(frozen=True)
class Activation:
    """A function of a layer's weighted sums and its derivative; both work in place on whole batches.

    Parameters
    ----------
    apply : (sums, out) -> None; writes f(sums) into `out`, which may be `sums` itself.
    pull_back : (grads, outputs, sums) -> None; turns dL/d(outputs) into dL/d(sums), in place in `grads`. `outputs` and
        `sums` are as `apply` left them, and are used up.
    keeps_sums : the way back reads `sums`; for all others `apply` may be given one array for both.
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
    # z s(z), with s the sigmoid: z/2 (1 + tanh(z/2)). The way back needs s(z) beside the outputs, so where sums and
    # outputs are kept apart s(z) takes the place of z
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


def _convex(sums: Array, out: Array) -> None:
    # 0 below -1, the parabola (z + 1)^2 / 4 up to 1, from there on z, which below lies under the parabola
    np.clip(sums, -1, 1, out=out)
    out += 1
    out *= out
    out *= 0.25
    np.maximum(out, sums, out=out)


def _concave(sums: Array, out: Array) -> None:
    # -convex(-z)
    np.clip(sums, -1, 1, out=out)
    np.subtract(1, out, out=out)
    out *= out
    out *= -0.25
    np.minimum(out, sums, out=out)


def _bounded(sums: Array, out: Array) -> None:
    # convex(z + 1) - 1 below 0 and 1 - convex(1 - z) above: the sign of z times 1 - (2 - |z|)^2 / 4, up to |z| = 2
    np.abs(sums, out=out)
    np.minimum(out, 2, out=out)
    np.subtract(2, out, out=out)
    out *= out
    out *= 0.25
    np.subtract(1, out, out=out)
    np.copysign(out, sums, out=out)


def _kinds(n_units: int) -> tuple[slice, slice, slice]:
    """The convex, the concave and the bounded units of a layer: a third each, what is left over to the first."""
    third = n_units // 3
    return slice(0, n_units - 2 * third), slice(n_units - 2 * third, n_units - third), slice(n_units - third, n_units)


def _monotone(sums: Array, out: Array) -> None:
    # Built of comparisons, + - * on terms of one sign and powers of two: rounded, it still never falls, which no
    # library's exp or tanh promises
    sums = sums.copy() if out is sums else sums
    for units, kind in zip(_kinds(sums.shape[-1]), (_convex, _concave, _bounded), strict=True):
        kind(sums[..., units], out[..., units])


def _monotone_back(grads: Array, outputs: Array, sums: Array) -> None:
    # (1 + z) / 2, (1 - z) / 2 and 1 - |z| / 2, each between 0 and 1
    _, concave, bounded = _kinds(sums.shape[-1])
    np.negative(sums[..., concave], out=sums[..., concave])
    np.abs(sums[..., bounded], out=sums[..., bounded])
    np.subtract(1, sums[..., bounded], out=sums[..., bounded])
    np.clip(sums, -1, 1, out=sums)
    sums += 1
    sums *= 0.5
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
