"""SortedValues: the values of all series, sorted by series and time, before any rule is checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from data.arrays import Floats, Integers, Mask
from data.series.frequencies import Times, period_numbers
from data.series.spec import SeriesSpec


@dataclass(frozen=True, eq=False)
class SortedValues:
    """Values of series, each series in one piece and in the order of time.

    Attributes
    ----------
    spec : of the table.
    keys : the name of each series, in the order of first rows.
    of : position in `keys` of the series of each value.
    order : what they are sorted by within a series: microseconds, positions, or places in the file.
    values : NaN where the cell is empty.
    rows : the number of the row of each value in its file, from 1 on.
    times : None without a column of times.
    """

    spec: SeriesSpec
    keys: tuple[str, ...]
    of: Integers
    order: Integers
    values: Floats
    rows: Integers
    times: Times | None

    @classmethod
    def sort(
        cls, spec: SeriesSpec, keys: tuple[str, ...], of: Integers, order: Integers, values: Floats, rows: Integers,
        *, times: Times | None,
    ) -> SortedValues:  # fmt: skip
        """Sort values in any order; those of one moment stay in the order of their rows."""
        place = np.lexsort((order, of))
        return cls(spec, keys, of[place], order[place], values[place], rows[place],
                   None if times is None else times[place])  # fmt: skip

    def subset(self, chosen: Mask) -> SortedValues:
        """The chosen values."""
        times = None if self.times is None else self.times[chosen]
        return replace(
            self, of=self.of[chosen], order=self.order[chosen], values=self.values[chosen], rows=self.rows[chosen],
            times=times,
        )  # fmt: skip

    @cached_property
    def periods(self) -> Integers | None:
        """The number of each value's period; None where times only order the values."""
        if self.times is None:
            return self.order
        return None if self.spec.frequency == "observations" else period_numbers(self.times, self.spec.frequency)

    @cached_property
    def follows(self) -> Mask:
        """Which values, but for the first of all, belong to the series of the value before; shape (n_values - 1,)."""
        return np.asarray(self.of[1:] == self.of[:-1])

    @cached_property
    def missing(self) -> Mask:
        """Which cells are empty."""
        return np.isnan(self.values)

    def pieces(self) -> list[slice]:
        """The place of each series that has rows, in the order of `keys`."""
        cuts: npt.NDArray[np.intp] = np.flatnonzero(~self.follows) + 1
        edges = [0, *cuts.tolist(), len(self.of)] if len(self.of) else [0]
        return [slice(start, end) for start, end in pairwise(edges)]
