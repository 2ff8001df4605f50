"""Layers of a trace as JSON: activations and gradients of one member, and its weights after a step."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, Field

from models.nn.arrays import Array
from models.nn.losses import Loss
from models.nn.network import Network
from models.nn.trace import LayerTrace, Trace, difference_quotients


class TracedWeight(BaseModel):
    """One weight of a layer, with its gradient and its value after the step."""

    input: int = Field(description="Index of the input or previous-layer unit it comes from, from 0.")
    unit: int = Field(description="Index of the unit it leads to, from 0.")
    weight: float
    gradient: float = Field(description="dL/dW = input * dL/dz of the unit.")
    difference_quotient: float = Field(
        description="(L(w + h) - L(w - h)) / 2h in double precision: numerical check of the gradient."
    )
    after: float = Field(description="W - learning_rate * dL/dW, clipped where a monotonicity constraint bounds it.")


class TracedLayer(BaseModel):
    """Forward and backward pass of one layer; one number per unit."""

    activation: str = Field(description="Name of the activation function f.")
    inputs: list[float] = Field(description="x: inputs, the outputs of the previous layer.")
    biases: list[float]
    bias_quotients: list[float] = Field(description="Numerical gradients of the biases.")
    biases_after: list[float] = Field(description="b - learning_rate * dL/db.")
    sums: list[float] = Field(description="z = x W + b")
    outputs: list[float] = Field(description="a = f(z)")
    output_gradients: list[float] = Field(description="dL/da: from the loss, or from the next layer.")
    sum_gradients: list[float] = Field(description="dL/dz = dL/da f'(z); also dL/db.")
    weights: list[TracedWeight] = Field(description="Weights with the largest absolute gradients, largest first.")


def traced_layers(
    network: Network,
    found: Trace,
    row: Array,
    targets: Array,
    loss: Loss,
    *,
    member: int = 0,
    n_weights: int | None = None,
) -> list[TracedLayer]:
    """The layers of a trace for one member, first to last.

    Parameters
    ----------
    network, row, targets, loss : what was traced.
    n_weights : weights per layer, those with the largest absolute gradients first; None for all, in order.
    """
    alone = network.member(member)
    layers = []
    for i, layer in enumerate(found.layers):
        places = _places(layer.weight_gradients[member], n_weights)
        numbers = [alone.weight_number(i, *place) for place in places]
        numbers += [alone.bias_number(i, unit) for unit in range(layer.biases.shape[1])]
        quotients = difference_quotients(alone, row, targets, loss, numbers).tolist()
        after = found.after.layers[i]
        layers.append(
            TracedLayer(
                activation=layer.activation,
                inputs=layer.inputs[member].tolist(),
                biases=layer.biases[member].tolist(),
                bias_quotients=quotients[len(places) :],
                biases_after=after.biases[member, 0].tolist(),
                sums=layer.sums[member].tolist(),
                outputs=layer.outputs[member].tolist(),
                output_gradients=layer.output_gradients[member].tolist(),
                sum_gradients=layer.sum_gradients[member].tolist(),
                weights=[
                    _weight(layer, after.weights, member, place, quotient)
                    for place, quotient in zip(places, quotients, strict=False)
                ],
            )
        )
    return layers


def _places(gradients: Array, n_weights: int | None) -> list[tuple[int, int]]:
    """Places (input, unit) of weights."""
    order = np.arange(gradients.size)
    if n_weights is not None:
        order = np.argsort(-np.abs(gradients), axis=None, kind="stable")[:n_weights]
    return [(int(i), int(j)) for i, j in zip(*np.unravel_index(order, gradients.shape), strict=True)]


def _weight(layer: LayerTrace, after: Array, member: int, place: tuple[int, int], quotient: float) -> TracedWeight:
    return TracedWeight(
        input=place[0],
        unit=place[1],
        weight=layer.weights[member][place],
        gradient=layer.weight_gradients[member][place],
        difference_quotient=quotient,
        after=after[member][place],
    )
