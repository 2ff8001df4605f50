"""The odd one out: of some vectors, how far each is from the mean of the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.arrays import Floats


@dataclass(frozen=True, eq=False)
class Apart:
    """Vectors beside the mean of the others.

    Parameters
    ----------
    vectors, means : shape (n, n_numbers); each mean is over all vectors but its own.
    """

    vectors: Floats
    means: Floats

    @property
    def squares(self) -> Floats:
        """Squared difference of each number from its mean, shape (n, n_numbers)."""
        squares: Floats = np.square(self.vectors - self.means)
        return squares

    @property
    def distances(self) -> Floats:
        """Euclidean distance of each vector from the mean of the others, shape (n,)."""
        distances: Floats = np.sqrt(self.squares.sum(axis=1))
        return distances

    @property
    def odd(self) -> int:
        """The farthest."""
        return int(self.distances.argmax())


def apart(vectors: Floats) -> Apart:
    """Compare vectors of shape (n, n_numbers), n at least 2."""
    return Apart(vectors, (vectors.sum(axis=0) - vectors) / (len(vectors) - 1))
