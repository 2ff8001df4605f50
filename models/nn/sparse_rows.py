"""Rows of which few inputs differ from 0, such as the n-grams of a message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.nn.arrays import Array


@dataclass(frozen=True, eq=False)
class SparseRows:
    """A matrix by the entries that are not 0, row after row (compressed sparse rows).

    Parameters
    ----------
    starts : (n_rows + 1,) where the entries of each row begin, and where those of the last one end.
    columns : (n_entries,) the column of each entry; a row has a column once.
    values : (n_entries,) their values.
    n_columns : width of the matrix.
    """

    starts: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    values: Array
    n_columns: int

    @classmethod
    def concatenated(cls, parts: Sequence[SparseRows]) -> SparseRows:
        """The rows of all parts, of one width, in their order."""
        before = np.cumsum([0, *(len(part.columns) for part in parts)])
        starts = [part.starts[:-1] + n for part, n in zip(parts, before, strict=False)]
        columns, values = [part.columns for part in parts], [part.values for part in parts]
        return cls(
            np.concatenate([*starts, before[-1:]]), np.concatenate(columns), np.concatenate(values), parts[0].n_columns
        )

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns."""
        return len(self), self.n_columns

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""
        return self.values.dtype

    def row(self, number: int) -> tuple[npt.NDArray[np.intp], Array]:
        """Columns and values of one row: views."""
        entries = slice(self.starts[number], self.starts[number + 1])
        return self.columns[entries], self.values[entries]

    def tobytes(self) -> bytes:
        """All that they hold, for fingerprints."""
        return b"".join(part.tobytes() for part in (self.starts, self.columns, self.values))

    def __getitem__(self, chosen: int | slice | npt.NDArray[np.intp]) -> SparseRows:
        """Some of the rows, or one; a slice without a step copies no entries."""
        if isinstance(chosen, int):
            chosen = slice(chosen, chosen + 1)
        if isinstance(chosen, slice):
            first, stop, step = chosen.indices(len(self))
            if step == 1:
                starts = self.starts[first : max(first, stop) + 1]
                entries = slice(starts[0], starts[-1])
                return SparseRows(starts - starts[0], self.columns[entries], self.values[entries], self.n_columns)
            chosen = np.arange(first, stop, step)
        lengths = self.starts[chosen + 1] - self.starts[chosen]
        starts = np.concatenate([[0], lengths.cumsum()])
        places = np.repeat(self.starts[chosen] - starts[:-1], lengths) + np.arange(starts[-1])
        return SparseRows(starts, self.columns[places], self.values[places], self.n_columns)

    def beside(self, dense: Array) -> SparseRows:
        """The rows, each followed by a row of a dense matrix of shape (n_rows, n_more)."""
        n_rows, n_more = dense.shape
        starts = self.starts + np.arange(n_rows + 1) * n_more
        columns, values = np.empty(starts[-1], np.intp), np.empty(starts[-1], self.dtype)
        added = starts[1:, None] - n_more + np.arange(n_more)
        is_own = np.ones(starts[-1], np.bool_)
        is_own[added] = False
        columns[is_own], values[is_own] = self.columns, self.values
        columns[added], values[added] = self.n_columns + np.arange(n_more), dense
        return SparseRows(starts, columns, values, self.n_columns + n_more)

    def dense(self) -> Array:
        """The whole matrix, (n_rows, n_columns)."""
        matrix: Array = np.zeros(self.shape, self.values.dtype)
        matrix[np.repeat(np.arange(len(self)), np.diff(self.starts)), self.columns] = self.values
        return matrix
