"""Handwritten digits of 8 x 8 pixels: the 1,797 pictures that scikit-learn ships (Alpaydin and Kaynak 1998).

They are real, not simulated: counts of ink in blocks of 4 x 4 dots, written by 43 people. Rows are drawn from them
without replacement, so that there are never more than `N_PICTURES`.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.datasets import load_digits

from data.column import Column
from data.simulators import Simulation
from data.table import Table

SIDE = 8
MAX_INK = 16
N_PICTURES = 1_797
EXAMPLE = 1
"""The picture whose pixels are the columns' examples."""


@cache
def pictures() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """All pictures, shape (N_PICTURES, 64), row by row, and the digit that each shows, shape (N_PICTURES,)."""
    pixels, digits = load_digits(return_X_y=True)
    return pixels.astype(np.int64), digits.astype(np.int64)


def _pixel(place: int) -> Column:
    row, column = divmod(place, SIDE)
    return Column(
        name=f"p_{row}_{column}",
        kind="number",
        description=f"Ink in row {row + 1}, column {column + 1}",
        minimum=0,
        maximum=MAX_INK,
        whole=True,
        example=int(pictures()[0][EXAMPLE, place]),
    )


TABLE = Table(
    name="digits",
    description="Handwritten digits of 8 x 8 pixels, from 0 (no ink) to 16; row by row from the top left.",
    columns=(
        *(_pixel(place) for place in range(SIDE * SIDE)),
        Column(
            name="digit",
            kind="category",
            role="target",
            description="The digit that was written",
            levels=tuple("0123456789"),
        ),
    ),
)


def simulate(n_rows: int, seed: int) -> Simulation:
    """Up to `N_PICTURES` of the pictures in random order, each once. What was written is known: it is certain."""
    pixels, digits = pictures()
    drawn = np.random.default_rng(seed).permutation(N_PICTURES)[:n_rows]
    frame = pd.DataFrame(pixels[drawn], columns=[column.name for column in TABLE.features])
    return Simulation(frame=frame.assign(digit=digits[drawn].astype(str)), probability=np.ones(len(drawn)))
