"""Groups of rows by a column, few enough for a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from data.column import Column
from data.table import Table
from models.arrays import Mask
from models.evaluation.row_groups import groups_by

MAX_GROUPS = 12
REST = "all others"
"""Name of the group of the rarest levels, if a column has too many."""


def protected_columns(table: Table, frame: pd.DataFrame) -> list[Column]:
    """The protected columns that the frame has, in table order."""
    return [column for column in table.columns if column.protected and column.name in frame.columns]


def calibration_ratio(observed: float, predicted: float) -> float | None:
    """Mean probability / observed rate of a group; None without events."""
    return predicted / observed if observed > 0 else None


def few_groups(column: Column, values: pd.Series[Any]) -> dict[str, Mask]:
    """Masks of at most MAX_GROUPS groups of rows, in the order of the column's values.

    Parameters
    ----------
    values : of the column, from a checked frame.

    Returns
    -------
    dict from group name to a mask of shape (n_rows,); every row is in exactly one group.
    """
    groups = groups_by(column, values)
    names = list(groups.cat.categories)
    codes = groups.cat.codes.to_numpy()
    n_rows = np.bincount(codes, minlength=len(names))
    kept = np.arange(len(names))
    if len(names) > MAX_GROUPS:
        kept = np.sort(np.argsort(-n_rows, kind="stable")[: MAX_GROUPS - 1])
    found = {str(names[code]): codes == code for code in kept.tolist()}
    if len(kept) < len(names):
        found[REST] = ~np.isin(codes, kept)
    return found
