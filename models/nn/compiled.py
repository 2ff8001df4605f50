"""The elementwise work of a training step as compiled loops, for where numba is installed (extra: compiled).

numpy passes over an array once per operation; these loops fuse all operations on an element into one pass. They compute
what `activations`, `dropout` and `optimizers` define; those are the oracle of their tests. Sums are rounded differently
in the last bits: equal seeds give equal bits with numba and equal bits without, but not across the two.

Importing this module compiles everything, so only `training.compiled_kernels` imports it. The result is cached on disk,
next to this file or in the user's cache folder.
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
    """A decorator that compiles a function; without a signature it is inlined into its callers."""
    # Allows fused multiply-add and ignores the sign of zeros. Not "fast": NaN and infinity must survive, since the
    # estimators detect divergence by them
    options = {"error_model": "numpy", "fastmath": {"contract", "nsz"}}
    compiled: Callable[[_Function], _Function] = (
        numba.njit(signature, cache=True, nogil=True, **options)
        if signature
        else numba.njit(inline="always", **options)
    )
    return compiled


@_compiled()
def _tanh(x: Any) -> Any:
    # Minimax rational approximation in x^2 of tanh(x) / x, relative error at most 4e-7. Beyond 8.3 tanh is 1 in
    # float32. A call of the C library would prevent the compiler from vectorising the loop
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
    """The elementwise part of `Adam.step`."""
    for i in range(parameters.size):
        gradient = gradients[i]
        running_sum[i] = beta1 * running_sum[i] + gradient
        sum_of_squares[i] = beta2 * sum_of_squares[i] + gradient * gradient
        parameters[i] -= rate * running_sum[i] / (np.sqrt(sum_of_squares[i]) + epsilon)


def layer_kernel(activation: str) -> LayerKernel | None:
    """The compiled loop that follows a layer's matrix product; None for activations without one."""
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
