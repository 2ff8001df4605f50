"""Optimizers: SGD, Adam and AdamW.

All parameters of a network lie in one flat vector, so an optimizer is a few vector operations, whatever the layers.
`learning_rate` is an argument of every step because a schedule may change it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np

from models.nn.arrays import Array


class Optimizer(Protocol):
    """Interface of an optimizer."""

    @property
    def decoupled_decay(self) -> bool:
        """Whether weight decay is applied separately from the gradient step (AdamW)."""

    def step(self, parameters: Array, gradients: Array, learning_rate: float) -> None:
        """Move `parameters` (flat, in place) against `gradients` of the same shape; `gradients` may be overwritten."""


class SGD:
    """Gradient descent: W := W - learning_rate * dL/dW, optionally with momentum (Polyak 1964).

    Parameters
    ----------
    momentum : share of the previous step that is added to each step, 0 <= momentum < 1; 0 is the article's plain
        gradient descent.
    """

    def __init__(self, momentum: float = 0.0) -> None:
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be at least 0 and below 1, got {momentum}")
        self.momentum = momentum
        self.decoupled_decay = False  # for plain SGD the two are equivalent
        self._velocity: Array | None = None

    def step(self, parameters: Array, gradients: Array, learning_rate: float) -> None:
        """Move the parameters one step; see Optimizer."""
        gradients *= learning_rate
        if self.momentum:
            if self._velocity is None:
                self._velocity = np.zeros_like(parameters)
            self._velocity *= self.momentum
            self._velocity += gradients
            parameters -= self._velocity
        else:
            parameters -= gradients


class Adam:
    """Steps scaled by running moments of the gradient (Kingma and Ba 2015).

    Parameters
    ----------
    beta1, beta2 : decay rates of the running mean and mean square of the gradient.
    epsilon : added to the root of the mean square.
    decoupled_decay : decay weights separately from the step (AdamW, Loshchilov and Hutter 2019) rather than through the
        gradient, where Adam's scaling would weaken the decay of weights with large gradients.
    """

    # Parameters are updated in pieces that stay in the L2 cache through all operations of a step
    _piece = 16_384

    def __init__(
        self,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        decoupled_decay: bool = False,
    ) -> None:
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.decoupled_decay = decoupled_decay
        self.update: Callable[..., None] = self._update  # replaced by a compiled loop where numba is installed
        self._n_steps = 0
        self._sum: Array | None = None
        self._sum_of_squares: Array | None = None

    def step(self, parameters: Array, gradients: Array, learning_rate: float) -> None:
        """Move the parameters one step; see Optimizer."""
        if self._sum is None or self._sum_of_squares is None:
            self._sum, self._sum_of_squares = np.zeros_like(parameters), np.zeros_like(parameters)
            self._scratch = np.empty_like(parameters, shape=min(self._piece, len(parameters)))
        self._n_steps += 1
        # The step is rate * m / (sqrt(v) + epsilon) with m = (1 - beta1) M / (1 - beta1^t), M the running sum of
        # gradients, and v likewise: dividing by 1 - beta^t corrects the bias of starting at zero. All factors are
        # scalars, so they are folded into the rate and epsilon, and only the sums M and V are updated
        scale1 = (1 - self.beta1) / (1 - self.beta1**self._n_steps)
        root_scale2 = math.sqrt((1 - self.beta2) / (1 - self.beta2**self._n_steps))
        rate, epsilon = learning_rate * scale1 / root_scale2, self.epsilon / root_scale2
        self.update(parameters, gradients, self._sum, self._sum_of_squares, self.beta1, self.beta2, rate, epsilon)

    def _update(
        self,
        parameters: Array,
        gradients: Array,
        running_sum: Array,
        sum_of_squares: Array,
        beta1: float,
        beta2: float,
        rate: float,
        epsilon: float,
    ) -> None:
        for start in range(0, len(parameters), self._piece):
            piece = slice(start, start + self._piece)
            gradient, mean, square = gradients[piece], running_sum[piece], sum_of_squares[piece]
            scratch = self._scratch[: len(gradient)]
            mean *= beta1
            mean += gradient
            square *= beta2
            np.multiply(gradient, gradient, out=scratch)
            square += scratch
            np.sqrt(square, out=scratch)
            scratch += epsilon
            np.divide(mean, scratch, out=scratch)
            scratch *= rate
            parameters[piece] -= scratch


def optimizer_named(name: str, *, momentum: float = 0.9, beta2: float = 0.999) -> Optimizer:
    """A fresh optimizer: `sgd` (with momentum), `adam` or `adamw`."""
    match name:
        case "sgd":
            return SGD(momentum)
        case "adam" | "adamw":
            return Adam(beta2=beta2, decoupled_decay=name == "adamw")
    raise ValueError(f"optimizer must be 'sgd', 'adam' or 'adamw', got {name!r}")
