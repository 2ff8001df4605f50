"""Points of a plane in two classes: synthetic shapes, and pairs of columns of the simulators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from data.column import Column
from data.simulators.planes import PLANES, Plane
from models.arrays import Floats, Labels

HELD_OUT = 0.3
"""Share of the validation set."""


@dataclass(frozen=True, eq=False)
class Points:
    """A data set in the plane.

    Parameters
    ----------
    axes : names of the two coordinates.
    classes : names of labels 0 and 1.
    X, labels : of shape (n_rows, 2) and (n_rows,).
    n_training : size of the training set, which comes first; the others are the validation set.
    """

    axes: tuple[str, str]
    classes: tuple[str, str]
    X: Floats
    labels: Labels
    n_training: int


def points(name: str, n_rows: int, noise: float, seed: int) -> Points:
    """Rows of a data set, half of each class, shuffled.

    Parameters
    ----------
    name : one of `DATA_SETS`.
    noise : standard deviation added to each coordinate, relative to its own.
    """
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n_rows) % 2)
    axes, classes, X = DATA_SETS[name](labels, rng)
    X = X + noise * X.std(axis=0) * rng.standard_normal(X.shape)
    return Points(axes, classes, X, labels, _n_training(n_rows))


def _n_training(n_rows: int) -> int:
    return n_rows - round(HELD_OUT * n_rows)


Sample = tuple[tuple[str, str], tuple[str, str], Floats]
"""Names of the axes, names of the classes, and the points, shape (n_rows, 2)."""
PLANE = ("x", "y")
COLOURS = ("orange", "blue")


def _circles(labels: Labels, rng: np.random.Generator) -> Sample:
    """A disc and a ring around it."""
    radius = np.where(labels == 1, rng.uniform(0, 0.45, len(labels)), rng.uniform(0.65, 1, len(labels)))
    angle = rng.uniform(0, 2 * np.pi, len(labels))
    return PLANE, COLOURS, np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _spirals(labels: Labels, rng: np.random.Generator) -> Sample:
    """Two arms that wind around each other one and a half times."""
    along = np.sqrt(rng.uniform(0.02, 1, len(labels)))
    angle = 3 * np.pi * along + np.pi * labels
    return PLANE, COLOURS, np.stack([along * np.cos(angle), along * np.sin(angle)], axis=1)


def _xor(labels: Labels, rng: np.random.Generator) -> Sample:
    """Four squares like those of a chessboard: blue where both coordinates have the same sign."""
    X = rng.uniform(0.05, 1, (len(labels), 2)) * rng.choice([-1, 1], (len(labels), 1))
    X[:, 1] *= np.where(labels == 1, 1, -1)
    return PLANE, COLOURS, X


def _simulated(plane: Plane) -> Callable[..., Sample]:
    """Rows of a simulator with the given labels, by two of its columns."""

    def draw(labels: Labels, rng: np.random.Generator) -> Sample:
        by_class = _simulated_rows(plane)
        X, n_training = np.empty((len(labels), 2)), _n_training(len(labels))
        for label, rows in enumerate(by_class):
            mixed = rng.permutation(rows)
            # Rows repeat if there are too few, but never across the sets: a training row must not be in the
            # validation set
            sides = np.split(mixed, [_n_training(len(mixed))])
            places = np.split(np.flatnonzero(labels == label), [(labels[:n_training] == label).sum()])
            for some, chosen in zip(sides, places, strict=True):
                X[chosen] = np.resize(some, (len(chosen), 2))
        first, second = plane.columns
        return (_title(plane.table[first]), _title(plane.table[second])), plane.classes, X

    return draw


@cache
def _simulated_rows(plane: Plane) -> tuple[Floats, Floats]:
    """Two columns of the rows without the event and of those with it, from which every seed draws.

    Cached, since a simulation takes 0.2 seconds and would block scoring meanwhile.
    """
    names, target = plane.columns, plane.table.target.name
    frame = plane.simulate(plane.n_rows, SEED).frame[[*names, target]].dropna()
    frame = frame[np.logical_and.reduce([frame[name] <= frame[name].quantile(USUAL) for name in names])]
    events, X = frame[target].to_numpy(bool), frame[list(names)].to_numpy(np.float64)
    return X[~events], X[events]


def _title(column: Column) -> str:
    return f"{column.name} ({column.unit})" if column.unit else column.name


SEED = 0
USUAL = 0.97
"""Quantile above which rows are left out: outliers would compress all other points into a corner."""
DATA_SETS: Mapping[str, Callable[[Labels, np.random.Generator], Sample]] = {
    "circles": _circles,
    "spirals": _spirals,
    "xor": _xor,
    **{name: _simulated(plane) for name, plane in PLANES.items()},
}
