"""Bins of a column, made of its reference alone: tenths of a number's training rows, or the usual levels.

The last bin is that of rows without a value. The one before it is, of levels, for those that are rare and those that
training never saw. Both stand together, for how many rows hold new levels is to be compared with how many training
rows hold rare ones: of rare levels a sample never has all, so some new ones are no news.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.sentences import spoken, without_unit
from data.table import Column
from models.audit.bins import Codes, is_missing
from models.drift.psi import Counts
from models.drift.reference import ColumnReference, LevelReference, NumberReference
from models.drift.results import Bin

N_BINS = 10
"""Of numbers; equal values share a bin, so there may be fewer."""
MOST_LEVELS = 20
LEAST_SHARE, LEAST_COUNT = 0.01, 20
"""What a level needs of the training rows for a bin of its own. Fewer would be chosen for having come often by chance
in the very rows that later rows are compared with."""


class NumberBins:
    """Bins of a number.

    Attributes
    ----------
    counts : training rows in each bin.
    """

    def __init__(self, column: Column, reference: NumberReference) -> None:
        self._column, self._reference = column, reference
        shares = np.arange(1, N_BINS) / N_BINS
        edges = [reference.quantile(share) for share in shares] if reference.n_present else []
        self._edges = np.unique(np.array(edges, np.float64))
        at_most = [reference.at_most[reference.values.index(edge)] for edge in self._edges.tolist()]
        self.counts: Counts = np.append(np.diff([0, *at_most, reference.n_present]), reference.n_missing)

    def codes(self, values: pd.Series[Any]) -> Codes:
        """The bin of each row, shape (n_rows,)."""
        codes = np.searchsorted(self._edges, values.to_numpy(np.float64), side="left")
        return np.where(is_missing(self._column, values), len(self.counts) - 1, codes).astype(np.intp)

    def described(self, recent: Counts) -> tuple[Bin, ...]:
        """Each bin with its limits in words and its rows."""
        edges = self._edges.tolist()
        limits = list(zip([None, *edges], [*edges, None], strict=True))
        names = [_between(self._column, low, high) for low, high in limits]
        return tuple(
            Bin(name=name, low=low, high=high, n_reference=before, n_recent=now)
            for name, (low, high), before, now in zip(
                [*names, "not given"],
                [*limits, (None, None)],
                self.counts.tolist(),
                recent.tolist(),
                strict=True,
            )
        )


class LevelBins:
    """Bins of a category or flag.

    Attributes
    ----------
    counts : training rows in each bin.
    """

    def __init__(self, column: Column, reference: LevelReference) -> None:
        self._column, self._reference = column, reference
        least = max(LEAST_COUNT, LEAST_SHARE * reference.n_rows)
        usual = [level for level, count in reference.levels.items() if count >= least][:MOST_LEVELS]
        self._levels = pd.Index(usual, dtype=object)
        own = [reference.levels[level] for level in usual]
        rare = sum(reference.levels.values()) + reference.n_other - sum(own)
        self.counts: Counts = np.array([*own, rare, reference.n_missing])

    def codes(self, values: pd.Series[Any]) -> Codes:
        """The bin of each row, shape (n_rows,)."""
        codes = self._levels.get_indexer(pd.Index(values, dtype=object))
        codes = np.where(codes < 0, len(self._levels), codes)
        return np.where(is_missing(self._column, values), len(self.counts) - 1, codes).astype(np.intp)

    def described(self, recent: Counts) -> tuple[Bin, ...]:
        """Each bin with its level in words and its rows."""
        names = [*(spoken(self._column, level) for level in self._levels), "rare or new", "not given"]
        return tuple(
            Bin(name=name, low=None, high=None, n_reference=before, n_recent=now)
            for name, before, now in zip(names, self.counts.tolist(), recent.tolist(), strict=True)
        )

    def unseen_share(self, values: pd.Series[Any]) -> float | None:
        """Share of the rows whose level training never saw; None if that is not known, because it saw too many."""
        if self._reference.n_other:
            return None
        unseen = ~values.isin(list(self._reference.levels)).to_numpy() & ~is_missing(self._column, values)
        return float(unseen.mean())


def bins_of(column: Column, reference: ColumnReference) -> NumberBins | LevelBins:
    """The bins of a column."""
    if isinstance(reference, NumberReference):
        return NumberBins(column, reference)
    return LevelBins(column, reference)


def counts_in(codes: npt.NDArray[np.intp], n_bins: int) -> Counts:
    """Rows in each bin."""
    return np.bincount(codes, minlength=n_bins).astype(np.int64)


def _between(column: Column, low: float | None, high: float | None) -> str:
    if low is None:
        return "any" if high is None else f"up to {without_unit(column, high)}"
    if high is None:
        return f"above {without_unit(column, low)}"
    return f"above {without_unit(column, low)} to {without_unit(column, high)}"
