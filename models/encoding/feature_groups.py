"""Groups of features: a coarser view, in which neighbouring bins are merged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.nn.arrays import Array


@dataclass(frozen=True, eq=False)
class FeatureGroups:
    """Groups of neighbouring features; a group's value is the weighted sum of its features.

    A network on groups equals a network on the features whose first weights are the group's, times the feature's
    weight.

    Parameters
    ----------
    weights : of each feature in its group, at least 0; shape (n_features,).
    groups : number of each feature's group, rising from 0 without gaps; shape (n_features,).
    """

    weights: Array
    groups: npt.NDArray[np.intp]

    def followed_by(self, other: FeatureGroups) -> FeatureGroups:
        """The groups of these features, followed by those of others."""
        first = int(self.groups[-1]) + 1 if len(self.groups) else 0
        weights = np.concatenate([self.weights, other.weights])
        return FeatureGroups(weights, np.concatenate([self.groups, first + other.groups]))

    @property
    def starts(self) -> npt.NDArray[np.intp]:
        """The first feature of each group, shape (n_groups,)."""
        return np.flatnonzero(np.diff(self.groups, prepend=-1))

    def merged(self, X: Array) -> Array:
        """Group values of shape (n_rows, n_groups), from features (n_rows, n_features)."""
        sums: Array = np.add.reduceat(X * self.weights, self.starts, axis=1)
        return sums

    def spread(self, first_weights: Array) -> Array:
        """First weights for features (n_members, n_features, n_units), from those for groups."""
        spread: Array = first_weights[:, self.groups] * self.weights[:, None]
        return spread
