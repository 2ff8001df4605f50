"""Rows of which each is a list of numbers, such as the past of a series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NumberLists:
    """Lists of numbers, one after the other.

    Parameters
    ----------
    starts : (n_rows + 1,) where the numbers of each row begin, and where those of the last one end.
    numbers : of all rows.
    """

    starts: npt.NDArray[np.int64]
    numbers: Floats

    @classmethod
    def of(cls, lists: Sequence[Any]) -> NumberLists:
        """These lists, of any type."""
        arrays = [np.asarray(one, np.float64) for one in lists]
        starts = np.cumsum([0, *map(len, arrays)], dtype=np.int64)
        return cls(starts, np.concatenate([*arrays, np.empty(0)]))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, chosen: int | slice | npt.NDArray[np.intp]) -> NumberLists:
        """Some of the rows, or one."""
        if isinstance(chosen, int | np.integer):
            chosen = slice(chosen, chosen + 1)
        places = np.arange(len(self))[chosen]
        return NumberLists.of([self.numbers[self.starts[i] : self.starts[i + 1]] for i in places])

    def lists(self) -> list[Floats]:
        """Each row: a view."""
        return [self.numbers[start:end] for start, end in zip(self.starts[:-1], self.starts[1:], strict=True)]

    def tobytes(self) -> bytes:
        """All that they hold, for fingerprints."""
        return self.starts.tobytes() + self.numbers.tobytes()
