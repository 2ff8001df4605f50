"""HistoryEncoder: the past values of each row, as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.table import Table
from models.encoding.number_lists import NumberLists


@dataclass(frozen=True)
class HistoryEncoder:
    """Reads the one list of numbers of a table; there is nothing to learn.

    Parameters
    ----------
    table : of forecasts, see `data.series.forecast_rows`.
    """

    table: Table

    def __post_init__(self) -> None:
        """TableError unless there is one list."""
        self.column_name  # noqa: B018 - raises

    @cached_property
    def column_name(self) -> str:
        """The column that it reads."""
        return self.table.history.name

    @property
    def column_names_(self) -> list[str]:
        """The encoded columns."""
        return [self.column_name]

    def transform(self, frame: pd.DataFrame) -> NumberLists:
        """The lists of a checked frame."""
        return NumberLists.of(frame[self.column_name].tolist())

    def encode_rows(self, rows: Sequence[Mapping[str, Any]]) -> NumberLists:
        """The lists of rows given as mappings; the same bits as in a frame."""
        return NumberLists.of([row[self.column_name] for row in rows])

    def unseen_columns(self, row: Mapping[str, Any]) -> list[str]:
        """None: a series need not be known."""
        return []

    def unseen_in_rows(self, rows: Sequence[Mapping[str, Any]]) -> dict[int, list[str]]:
        """As `unseen_columns`."""
        return {}

    def uncovered(self, frame: pd.DataFrame) -> Iterator[tuple[str, str, npt.NDArray[np.intp]]]:
        """As `unseen_columns`."""
        return iter(())
