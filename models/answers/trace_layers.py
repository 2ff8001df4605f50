"""Layers of a trace as JSON: what one member made of a row, and what a step does to its weights."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, Field

from models.nn.arrays import Array
from models.nn.losses import Loss
from models.nn.network import Network
from models.nn.trace import LayerTrace, Trace, difference_quotients


class TracedWeight(BaseModel):
    """One weight of a layer, and what the step does to it."""

    input: int = Field(description="Which input or unit of the layer before it comes from, from 0 on.")
    unit: int = Field(description="Which unit it leads to, from 0 on.")
    weight: float
    gradient: float = Field(description="dL/dW = input * dL/dz of the unit.")
    difference_quotient: float = Field(
        description="(L(w + h) - L(w - h)) / 2h in double precision: what the gradient must come out as."
    )
    after: float = Field(description="W - learning_rate * dL/dW, put back where a promised direction bounds it.")


class TracedLayer(BaseModel):
    """One layer of the member, forward and back; a number for each unit."""

    activation: str = Field(description="Name of f.")
    inputs: list[float] = Field(description="x: what it reads, the outputs of the layer before.")
    biases: list[float]
    bias_quotients: list[float] = Field(description="Difference quotients by the biases.")
    biases_after: list[float] = Field(description="b - learning_rate * dL/db.")
    sums: list[float] = Field(description="z = x W + b")
    outputs: list[float] = Field(description="a = f(z)")
    output_gradients: list[float] = Field(description="dL/da: by the loss, or by the sums of the layer behind.")
    sum_gradients: list[float] = Field(description="dL/dz = dL/da f'(z); also dL/db.")
    weights: list[TracedWeight] = Field(description="Those with the steepest gradients, the steepest first.")


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
    n_weights : how many of each layer's weights are told, those with the steepest gradients first; None for all of them
        in their order.
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
