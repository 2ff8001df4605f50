"""The elementwise work of a training step as compiled loops, for where numba is installed (extra: compiled).

numpy goes over an array once for each operation; these loops do all that is to be done with a number while they hold
it. What they compute is written in `activations`, `dropout` and `optimizers`, which are also the oracle of their tests.
Sums are rounded differently in the last bits, so equal seeds give equal bits on either path, not across the two.

Everything is compiled when this module is imported, which is why only `training.compiled_kernels` does that. The result
is cached on disk, beside this file or in the user's cache folder.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
import numpy.typing as npt
from numba import float32, uint64
from numba.core import config

from models.nn.arrays import Array
from models.nn.dropout import GOLDEN, LAST_SHIFT, SCRAMBLE, Dropout
from models.nn.layers import LayerKernel

if config.DISABLE_JIT:
    raise ImportError("numba is switched off by NUMBA_DISABLE_JIT")

_KINDS = {name: kind for kind, name in enumerate(("identity", "relu", "silu", "sigmoid", "tanh"))}

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _compiled(signature: str | None = None) -> Callable[[_Function], _Function]:
    """A decorator; without a signature the function becomes part of those that call it."""
    # A product and a sum may be rounded once together, and the sign of a zero is free; NaN and infinity stay themselves
    options = {"error_model": "numpy", "fastmath": {"contract", "nsz"}}
    compiled: Callable[[_Function], _Function] = (
        numba.njit(signature, cache=True, nogil=True, **options)
        if signature
        else numba.njit(inline="always", **options)
    )
    return compiled


@_compiled()
def _tanh(x: Any) -> Any:
    # A quotient of two polynomials in x^2 with the least greatest relative error for |x| <= 8.3, where float32 knows no
    # difference from 1 any more. Off by at most 4e-7; unlike a call of the C library it lets the compiler treat many
    # numbers at once
    x = min(max(x, float32(-8.3)), float32(8.3))
    q = x * x
    above = float32(2.1508980e-05) + q * float32(1.4648892e-08)
    above = float32(1) + q * (float32(1.3425897e-01) + q * (float32(3.5491998e-03) + q * above))
    below = float32(3.3740000e-04) + q * float32(8.2953761e-07)
    below = float32(1) + q * (float32(4.6759221e-01) + q * (float32(2.6080066e-02) + q * below))
    return x * above / below


@_compiled()
def _value_and_slope(kind: int, z: Any) -> tuple[Any, Any]:
    """f(z) and f'(z); `kind` is constant over a loop, so the compiler makes one loop for each."""
    if kind == 0:
        return z, float32(1)
    if kind == 1:
        return (z, float32(1)) if z > 0 else (float32(0), float32(0))
    if kind == 4:
        a = _tanh(z)
        return a, float32(1) - a * a
    s = float32(0.5) + float32(0.5) * _tanh(float32(0.5) * z)
    if kind == 3:
        return s, s * (float32(1) - s)
    a = z * s
    return a, s + a * (float32(1) - s)


@_compiled("void(int64, float32[:, :, ::1], float32[:, :, ::1], float32[:, :, ::1])")
def _activate(kind: int, sums: Array, biases: Array, outputs: Array) -> None:
    n_members, n_rows, n_units = sums.shape
    for m in range(n_members):
        for i in range(n_rows):
            for j in range(n_units):
                outputs[m, i, j], sums[m, i, j] = _value_and_slope(kind, sums[m, i, j] + biases[m, 0, j])


@_compiled(
    "void(int64, float32[:, :, ::1], float32[:, :, ::1], float32[:, :, ::1], "
    "uint64[::1], uint8[:, :, ::1], uint64, int64, float32)"
)
def _activate_and_drop(
    kind: int,
    sums: Array,
    biases: Array,
    outputs: Array,
    words: npt.NDArray[np.uint64],
    chances: npt.NDArray[np.uint8],
    seed: Any,
    n_off: int,
    scale: float,
) -> None:
    for k in range(words.size):
        word = seed + uint64(k + 1) * uint64(GOLDEN)
        for shift, factor in SCRAMBLE:
            word = (word ^ (word >> uint64(shift))) * uint64(factor)
        words[k] = word ^ (word >> uint64(LAST_SHIFT))
    n_members, n_rows, n_units = sums.shape
    for m in range(n_members):
        for i in range(n_rows):
            for j in range(n_units):
                value, slope = _value_and_slope(kind, sums[m, i, j] + biases[m, 0, j])
                kept = scale if chances[m, i, j] >= n_off else float32(0)
                outputs[m, i, j], sums[m, i, j] = value * kept, slope * kept


@_compiled("void(float32[::1], float32[::1], float32[::1], float32[::1], float32, float32, float32, float32)")
def adam_update(
    parameters: Array,
    gradients: Array,
    running_sum: Array,
    sum_of_squares: Array,
    beta1: float,
    beta2: float,
    rate: float,
    epsilon: float,
) -> None:
    """All of `Adam.step` that is done to each parameter."""
    for i in range(parameters.size):
        gradient = gradients[i]
        running_sum[i] = beta1 * running_sum[i] + gradient
        sum_of_squares[i] = beta2 * sum_of_squares[i] + gradient * gradient
        parameters[i] -= rate * running_sum[i] / (np.sqrt(sum_of_squares[i]) + epsilon)


def layer_kernel(activation: str) -> LayerKernel | None:
    """The compiled loop after a layer's product; None for an activation without one."""
    kind = _KINDS.get(activation)
    if kind is None:
        return None

    def kernel(sums: Array, biases: Array, outputs: Array, dropout: Dropout | None, rng: np.random.Generator) -> None:
        if dropout is None:
            _activate(kind, sums, biases, outputs)
        else:
            words, chances, seed = dropout.words, dropout.chances, dropout.seed(rng)
            _activate_and_drop(kind, sums, biases, outputs, words, chances, seed, dropout.n_off, dropout.scale)

    return kernel
