"""Trace: forward and backward pass of one row, with all intermediate values.

Forward has the sums and activations of a prediction, bit for bit (see `Network.sums`). Backward is that of training: by
the chain rule, dL/d(outputs) gives dL/d(sums), and that gives dL/dW, dL/db and dL/d(inputs), the previous layer's
dL/d(outputs).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.nn.arrays import Array
from models.nn.layers import Dense, Record
from models.nn.losses import Loss
from models.nn.network import Network
from models.nn.optimizers import SGD
from models.nn.steady_products import rows_per_tile

STEP = 1e-6
"""Step of the central differences, relative to the parameter's size, or to 1 for small ones."""


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """One layer's values for the row. All arrays have a leading axis of members.

    Parameters
    ----------
    activation : its name.
    weights, biases : before the step, of shape (n_members, n_inputs, n_outputs) and (n_members, n_outputs).
    inputs : (n_members, n_inputs).
    sums, outputs : z = x W + b and a = f(z), (n_members, n_outputs).
    output_gradients, sum_gradients : dL/da and dL/dz = dL/da f'(z), (n_members, n_outputs).
    weight_gradients, bias_gradients : dL/dW = x' dL/dz and dL/db = dL/dz, shaped as weights and biases.
    """

    activation: str
    weights: Array
    biases: Array
    inputs: Array
    sums: Array
    outputs: Array
    output_gradients: Array
    sum_gradients: Array
    weight_gradients: Array
    bias_gradients: Array


@dataclass(frozen=True, eq=False)
class Trace:
    """Forward and backward pass of one row, for an assumed target.

    Parameters
    ----------
    layers : first to last.
    vote : the ensemble's sums, the mean of the members' last sums, (n_outputs,).
    losses : of each member, (n_members,).
    after : the network after one step W := W - learning_rate * dL/dW.
    vote_after, losses_after : the same of that network.
    """

    layers: Sequence[LayerTrace]
    vote: Array
    losses: Array
    after: Network
    vote_after: Array
    losses_after: Array


def trace(network: Network, row: Array, targets: Array, loss: Loss, *, learning_rate: float) -> Trace:
    """Trace a row forward and backward, and one step of plain gradient descent for it.

    Each member learns from its own loss, as in training; the given network is not changed.

    Parameters
    ----------
    row : (n_inputs,).
    targets : (n_outputs,).
    """
    network, target = network.copy(), np.asarray(targets, network.parameters.dtype)[None]
    forward = _predicted(network, row)
    layers = _backward(network, forward, target, loss)
    after = network.copy()
    SGD().step(after.parameters, network.gradients.copy(), learning_rate)
    after.finish_step((), learning_rate)
    forward_after = _predicted(after, row)
    return Trace(
        layers=layers,
        vote=network.vote(forward[-1].sums)[0],
        losses=_losses(forward, target, loss),
        after=after,
        vote_after=after.vote(forward_after[-1].sums)[0],
        losses_after=_losses(forward_after, target, loss),
    )


def difference_quotients(network: Network, row: Array, targets: Array, loss: Loss, parameters: Sequence[int]) -> Array:
    """(L(w + h) - L(w - h)) / 2h for some parameters w of the flat vector, L the sum of the members' losses.

    A numerical check of the gradients, to several digits; computed in float64 whatever the dtype of the network. At a
    kink of an activation the one-sided derivatives differ, and the quotient lies between them.
    """
    exact, target = network.copy(np.float64), np.asarray(targets, np.float64)[None]

    def total_loss(number: int, value: float) -> float:
        exact.parameters[number] = value
        return float(_losses(_predicted(exact, row), target, loss).sum())

    quotients = np.empty(len(parameters))
    for place, number in enumerate(parameters):
        before = float(exact.parameters[number])
        step = STEP * max(1.0, abs(before))
        quotients[place] = (total_loss(number, before + step) - total_loss(number, before - step)) / (2 * step)
        exact.parameters[number] = before
    return quotients


@dataclass(frozen=True, eq=False)
class _Pass:
    """A row in one layer: `inputs` (1 or n_members, 1, n_inputs), `sums` and `outputs` (n_members, 1, n_outputs)."""

    layer: Dense
    inputs: Array
    sums: Array
    outputs: Array

    def record(self) -> Record:
        """The values in the form of a training record."""
        record = self.layer.new_record(1, self.sums.dtype, drops=False)
        record.inputs = self.inputs
        record.sums[...] = self.sums
        self.layer.activation.apply(record.sums, record.activated)  # leaves in both arrays what `pull_back` reads
        return record


def _predicted(network: Network, row: Array) -> list[_Pass]:
    """Each layer's values for the row in a prediction."""
    inputs: Array = np.zeros((1, rows_per_tile(), len(row)), network.parameters.dtype)
    inputs[0, 0] = row
    passes = []
    for layer in network.layers:
        sums = layer.predicted_sums(inputs)
        outputs = sums.copy()
        layer.activation.apply(outputs, outputs)
        passes.append(_Pass(layer, inputs[:, :1], sums[:, :1], outputs[:, :1]))
        inputs = outputs
    return passes


def _losses(passes: Sequence[_Pass], targets: Array, loss: Loss) -> Array:
    """The loss of each member, (n_members,)."""
    losses: Array = loss.value(passes[-1].sums, passes[-1].outputs, targets)[:, 0]
    return losses


def _backward(network: Network, passes: Sequence[_Pass], targets: Array, loss: Loss) -> list[LayerTrace]:
    """Backward pass as in `Network.backward`, with the gradients of every layer; first to last."""
    records = [one.record() for one in passes]
    last, traces = len(records) - 1, []
    records[last].grads[...] = loss.gradient(records[last].outputs, targets)
    for i in reversed(range(last + 1)):
        layer, record, before = network.layers[i], records[i], records[i - 1].grads if i else None
        output_gradients = record.grads.copy()
        if i == last and loss.natural_activation == layer.activation.name:
            loss.gradient_at_sums(record.outputs, targets, record.grads)
            layer.backward_from_sums(record, before)
        else:
            layer.backward(record, before)
        traces.append(_layer_trace(passes[i], output_gradients, record.grads))
    return traces[::-1]


def _layer_trace(one: _Pass, output_gradients: Array, sum_gradients: Array) -> LayerTrace:
    layer = one.layer
    return LayerTrace(
        activation=layer.activation.name,
        weights=layer.weights,
        biases=layer.biases[:, 0],
        inputs=np.broadcast_to(one.inputs, (len(layer.weights), 1, layer.n_inputs))[:, 0],
        sums=one.sums[:, 0],
        outputs=one.outputs[:, 0],
        output_gradients=output_gradients[:, 0],
        sum_gradients=sum_gradients[:, 0],
        weight_gradients=layer.weight_gradients,
        bias_gradients=layer.bias_gradients[:, 0],
    )
