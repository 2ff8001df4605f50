"""The shape of a network: all that is known of it before it has weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from models.nn.activations import ACTIVATIONS

MAX_LAYERS = 100
"""A stored network has no more, its input included."""


@dataclass(frozen=True)
class NetworkShape:
    """Widths, activations and members of a network; parameters as for `Network`."""

    widths: Sequence[int]
    hidden_activation: str
    output_activation: str
    n_members: int
    dropout: float
    directions: Sequence[int] | None

    @property
    def array_shapes(self) -> list[tuple[int, int, int]]:
        """Shapes of the weights of each layer, then those of the biases."""
        weights = [(self.n_members, n_inputs, n_outputs) for n_inputs, n_outputs in pairwise(self.widths)]
        return weights + [(self.n_members, 1, n_outputs) for n_outputs in self.widths[1:]]

    @property
    def n_parameters(self) -> int:
        """Number of all weights and biases."""
        return sum(map(math.prod, self.array_shapes))

    @property
    def rows_at_once(self) -> int:
        """Rows that a prediction takes through all layers at once: the widest layer's sums take about 256 KiB."""
        return min(max(65_536 // (self.n_members * max(self.widths[1:])), 64), 1024)

    def check(self, n_parameters: int) -> None:
        """ValueError unless a network of this shape is possible and has so many parameters."""
        if not 2 <= len(self.widths) <= MAX_LAYERS or min(*self.widths, self.n_members) < 1:
            raise ValueError(f"widths must be 2 to {MAX_LAYERS} numbers of at least 1, and n_members at least 1")
        if unknown := {self.hidden_activation, self.output_activation} - set(ACTIVATIONS):
            raise ValueError(f"unknown activation {min(unknown)!r}; available: {', '.join(ACTIVATIONS)}")
        if n_parameters != self.n_parameters:
            raise ValueError(
                f"{self.n_members} network(s) of widths {list(self.widths)} have {self.n_parameters} parameters, "
                f"not {n_parameters}"
            )
        if self.directions is not None and len(self.directions) != self.widths[0]:
            raise ValueError(
                f"directions must have one number for each of {self.widths[0]} inputs, not {len(self.directions)}"
            )
