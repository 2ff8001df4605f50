"""Moved pictures: each turned, shifted and stretched a little, as other hands would have written it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.arrays import Floats


@dataclass(frozen=True, kw_only=True)
class Moves:
    """The largest moves of a picture; each is drawn evenly between its negative and itself.

    Parameters
    ----------
    shift : in pixels, along both axes.
    turn : in degrees.
    stretch : logarithm of the factor, the same along both axes.
    slant : pixels sideways for each row from the middle.
    """

    shift: float = 1.0
    turn: float = 10.0
    stretch: float = 0.1
    slant: float = 0.3


def moved(pictures: Floats, rng: np.random.Generator, moves: Moves, *, blank: float) -> Floats:
    """Each picture, moved at random; pixels between others are interpolated linearly.

    Parameters
    ----------
    pictures : shape (n_pictures, side, side).
    blank : value of what comes from beyond the edge.

    Returns
    -------
    ndarray of shape (n_pictures, side, side)
    """
    n, side = len(pictures), pictures.shape[1]

    def drawn(most: float) -> Floats:
        return rng.uniform(-most, most, n)[:, None, None]

    turn, size, slant = np.deg2rad(drawn(moves.turn)), np.exp(drawn(moves.stretch)), drawn(moves.slant)
    down, right = drawn(moves.shift), drawn(moves.shift)
    middle = (side - 1) / 2
    rows, columns = np.mgrid[:side, :side] - middle
    from_row = (np.cos(turn) * rows - np.sin(turn) * columns) / size + middle + down
    from_column = (np.sin(turn) * rows + np.cos(turn) * columns) / size + slant * rows + middle + right
    return _interpolated(pictures, from_row, from_column, blank)


def _interpolated(pictures: Floats, rows: Floats, columns: Floats, blank: float) -> Floats:
    """The pictures' values at places between pixels, each of shape (n_pictures, side, side)."""
    n, side = len(pictures), pictures.shape[1]
    framed = np.pad(pictures, ((0, 0), (1, 1), (1, 1)), constant_values=blank)
    # In the frame all is blank, so farther places may be moved into it
    rows, columns = (np.clip(places + 1, 0, side + 1) for places in (rows, columns))
    above, left = (np.minimum(places, side).astype(np.intp) for places in (rows, columns))
    below_share, right_share = rows - above, columns - left
    number = np.arange(n)[:, None, None]

    def line(of: np.ndarray[tuple[int, ...], np.dtype[np.intp]]) -> Floats:
        pair: Floats = framed[number, of, left] * (1 - right_share) + framed[number, of, left + 1] * right_share
        return pair

    found: Floats = line(above) * (1 - below_share) + line(above + 1) * below_share
    return found
