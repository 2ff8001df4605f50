"""Input scales: a learned scale for each input, with a higher learning rate than the weights.

While a network trains, its first weights are products w_ij = s_i v_ij of the input's scale and free weights. The scale
of an uninformative input shrinks, and with it all its weights at once: a soft form of the feature selection that trees
do. This is the scaling layer of Holzmueller et al. (2024), with its higher learning rate. There it stays a layer of the
network; here the network holds the products, so that no other module needs to know about scales.

By the chain rule dL/dv_ij = s_i dL/dw_ij and dL/ds_i = sum_j v_ij dL/dw_ij.
"""

from __future__ import annotations

import numpy as np

from models.nn.network import Network
from models.nn.optimizers import Optimizer


class InputScales:
    """The scales of a network's inputs, one set per member; 1 at the start and never below 0.

    Parameters
    ----------
    network : whose first weights are the products.
    optimizer : of the scales, a fresh one.
    rate : the scales' learning rate as a multiple of the weights'.
    """

    def __init__(self, network: Network, optimizer: Optimizer, *, rate: float) -> None:
        self._first, self._optimizer, self._rate = network.layers[0], optimizer, rate
        self._free = self._first.weights.copy()
        self._scales = np.ones(self._free.shape[:2], self._free.dtype)
        self._gradients = np.empty_like(self._scales)

    def take_apart(self) -> None:
        """Before a step: replace the first weights and their gradients by the free weights and theirs."""
        weights, gradients = self._first.weights, self._first.weight_gradients
        np.einsum("mij,mij->mi", self._free, gradients, out=self._gradients)
        gradients *= self._scales[..., None]
        weights[...] = self._free

    def put_together(self, learning_rate: float) -> None:
        """After the step has updated the free weights: update the scales, and restore the products."""
        weights = self._first.weights
        self._free[...] = weights
        self._optimizer.step(self._scales.reshape(-1), self._gradients.reshape(-1), self._rate * learning_rate)
        # A negative scale would reverse the signs of the weights, on which `monotone` relies
        np.maximum(self._scales, 0, out=self._scales)
        weights *= self._scales[..., None]
