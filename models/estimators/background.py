"""Statistics of the training set that answers refer to: a reference row, usual values, event rates by score band."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.column import Column
from data.table import Table

N_USUAL_VALUES = 33
"""Number of quantiles that represent the values of a number."""
USUAL_RANGE = (0.01, 0.99)
"""The lowest and the highest of these quantiles; outliers are not usual values."""
MAX_LEVELS = 50
N_BANDS = 10


@dataclass(frozen=True)
class ScoreBand:
    """Training rows with similar scores, about a tenth of all.

    Parameters
    ----------
    low, high : the lowest and the highest of their probabilities.
    n_rows, n_events : number of rows, and of those with the event.
    typical : their typical row, see `typical_row`.
    """

    stored_as: ClassVar[str] = "score_band"
    stored_fields: ClassVar[Mapping[str, str]] = {
        "low": "float",
        "high": "float",
        "n_rows": "int",
        "n_events": "int",
        "typical": "value{}",
    }

    low: float
    high: float
    n_rows: int
    n_events: int
    typical: Mapping[str, Any]


@dataclass(frozen=True)
class Background:
    """Parts of the training rows that answers refer to; no single row can be read from it.

    Parameters
    ----------
    reference_row : the typical row of the reference group (see `typical_row`), against which reasons are given.
    reference_group : description of that group.
    usual_values : of each column: quantiles of a number, rising; the most frequent levels of everything else.
    bands : the lowest scores first.
    """

    stored_as: ClassVar[str] = "background"
    stored_fields: ClassVar[Mapping[str, str]] = {
        "reference_row": "value{}",
        "reference_group": "text",
        "usual_values": "value[]{}",
        "bands": "score_band[]",
    }

    reference_row: Mapping[str, Any]
    reference_group: str
    usual_values: Mapping[str, list[Any]]
    bands: list[ScoreBand]


def typical_row(table: Table, frame: pd.DataFrame) -> Mapping[str, Any]:
    """The (lower) median of each number and time and the most frequent level of everything else."""
    row: dict[str, Any] = {}
    for column in table.features:
        present = frame[column.name].dropna()
        if present.empty:
            row[column.name] = None
        elif column.kind == "number":
            # The lower median: a value that occurs, also for an even number of rows
            row[column.name] = float(present.sort_values().iloc[(len(present) - 1) // 2])
        elif column.kind == "time":
            row[column.name] = present.sort_values().iloc[len(present) // 2].to_pydatetime()
        else:
            row[column.name] = str(present.mode().iloc[0])
    return row


def usual_values(table: Table, frame: pd.DataFrame) -> dict[str, list[Any]]:
    """The values of each feature to try in what-if analyses; none for times and empty columns."""
    values: dict[str, list[Any]] = {}
    for column in table.of_role("feature"):
        present = frame[column.name].dropna()
        if present.empty or column.kind == "time":
            values[column.name] = []
        elif column.kind == "number":
            values[column.name] = _quantiles(column, present.to_numpy(np.float64))
        else:
            levels = [str(level) for level in present.value_counts().index[:MAX_LEVELS]]
            plain_flag = column.kind == "flag" and not column.levels
            values[column.name] = [column.flag_values[level] == 1 for level in levels] if plain_flag else levels
    return values


def _quantiles(column: Column, present: npt.NDArray[np.float64]) -> list[float]:
    codes = [float(code) for code in column.missing if not isinstance(code, str)]
    known = present[~np.isin(present, codes)]
    if not len(known):
        return []
    # "nearest" gives values that occur, and no fractions of whole numbers
    found = np.quantile(known, np.linspace(*USUAL_RANGE, N_USUAL_VALUES), method="nearest")
    return [float(value) for value in np.unique(found)]


def score_bands(
    table: Table, frame: pd.DataFrame, probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]
) -> list[ScoreBand]:
    """Bands of about equal count; equal probabilities share a band, so there may be fewer than N_BANDS."""
    edges = np.unique(np.quantile(probabilities, np.arange(1, N_BANDS) / N_BANDS))
    places = np.searchsorted(edges, probabilities, side="right")
    bands = []
    for place in np.unique(places):
        inside = places == place
        among = probabilities[inside]
        bands.append(
            ScoreBand(
                low=float(among.min()),
                high=float(among.max()),
                n_rows=int(inside.sum()),
                n_events=int(labels[inside].sum()),
                typical=typical_row(table, frame[inside]),
            )
        )
    return bands
