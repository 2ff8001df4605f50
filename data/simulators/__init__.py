"""Seeded generators of rows with known true probabilities.

Each module reads one table (`TABLE`, the TOML beside it) and draws its rows (`simulate(n_rows, seed)`). They need no
other file and no network, so every domain can start with them; and since the probability behind every label is known,
tests can measure how close a model comes to the best possible one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False)
class Simulation:
    """Rows with their true probabilities.

    Parameters
    ----------
    frame : the columns of the simulator's `TABLE`, in its order, `n_rows` rows.
    probability : shape (n_rows,), the true P(label = 1 | the columns of the row that a model may use). No model can
        have a lower expected log-loss, or rank better, than these numbers.
    """

    frame: pd.DataFrame
    probability: npt.NDArray[np.float64]
