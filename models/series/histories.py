"""Many series of different lengths in one array, and the scale of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.arrays import Floats
from models.series.arrays import Positions

SCALE_STEPS = 104
"""A series' scale is the mean absolute step of so many steps, at most."""
MIN_SHARE = 0.05
"""It is at least this share of that of the whole past, so that a quiet stretch does not blow targets up."""


@dataclass(frozen=True)
class Histories:
    """Series side by side.

    `values` has the shape (n_series, longest); after the `lengths` values of a series its last one is repeated.
    """

    values: Floats
    lengths: Positions

    @classmethod
    def of(cls, series: Sequence[Floats]) -> Histories:
        """These series, each of at least one finite value."""
        lengths = np.array([len(values) for values in series], np.intp)
        together = np.empty((len(series), int(lengths.max(initial=1))))
        for row, values in zip(together, series, strict=True):
            row[: len(values)] = values
            row[len(values) :] = values[-1]
        return cls(together, lengths)

    def step_sums(self) -> Floats:
        """Running sums of absolute steps, (n_series, longest): at t that of the steps up to t."""
        steps = np.abs(np.diff(self.values, axis=1, prepend=self.values[:, :1]))
        sums: Floats = np.cumsum(steps, axis=1)
        return sums


def mean_step(sums: Floats, origins: Positions, of: Positions, n_steps: int | None) -> Floats:
    """Mean absolute step of the last `n_steps` (None for all) before each origin; 0 at a first value."""
    first = np.zeros_like(origins) if n_steps is None else np.maximum(origins - n_steps, 0)
    means: Floats = (sums[of, origins] - sums[of, first]) / np.maximum(origins - first, 1)
    return means


def scales(sums: Floats, origins: Positions, of: Positions) -> Floats:
    """The scale of each origin: the mean absolute step of late, but no less than 5 % of that of the whole past."""
    recent, whole = mean_step(sums, origins, of, SCALE_STEPS), mean_step(sums, origins, of, None)
    return np.maximum(recent, MIN_SHARE * whole)
