"""Bins of a column: deciles of a number's training rows, or frequent levels of any other column.

The last bin holds missing values. The one before it, for levels, holds rare and new ones: a sample never has all rare
levels, so a few new ones mean nothing. The levels with bins of their own are chosen on training and recent rows
together: levels chosen for being frequent in one of the two would be less frequent in the other, and look like drift.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from data.column import Column
from data.sentences import spoken, without_unit
from models.evaluation.bins import MAX_LEVELS, Bins, is_missing
from models.evaluation.psi import Counts
from models.monitoring.drift.distributions import ColumnReference, LevelReference, NumberReference
from models.monitoring.drift.results import Bin

N_BINS = 10
"""Bins of a number; equal values share a bin, so there may be fewer."""
MIN_SHARE, MIN_COUNT = 0.01, 20
"""Share of all rows that a level needs for a bin of its own."""


class NumberBins(Bins):
    """Bins of a number.

    Attributes
    ----------
    counts : training rows in each bin.
    """

    def __init__(self, column: Column, reference: NumberReference) -> None:
        shares = np.arange(1, N_BINS) / N_BINS
        edges = [reference.quantile(share) for share in shares] if reference.n_present else []
        super().__init__(column, edges=np.unique(np.array(edges, np.float64)))
        at_most = [reference.at_most[reference.values.index(edge)] for edge in self._edges.tolist()]
        self.counts: Counts = np.append(np.diff([0, *at_most, reference.n_present]), reference.n_missing)

    def described(self, recent: Counts) -> tuple[Bin, ...]:
        """The bins, with limits in words and counts."""
        edges = self._edges.tolist()
        limits = list(zip([None, *edges], [*edges, None], strict=True))
        names = [_between(self.column, low, high) for low, high in limits]
        return tuple(
            Bin(name=name, low=low, high=high, n_reference=before, n_recent=now)
            for name, (low, high), before, now in zip(
                [*names, "missing"],
                [*limits, (None, None)],
                self.counts.tolist(),
                recent.tolist(),
                strict=True,
            )
        )


class LevelBins(Bins):
    """Bins of a category or flag.

    Parameters
    ----------
    recent : values from a checked frame.

    Attributes
    ----------
    counts : training rows in each bin.
    """

    def __init__(self, column: Column, reference: LevelReference, recent: pd.Series[Any]) -> None:
        self._reference = reference
        before = pd.Series(reference.levels, dtype=np.int64)
        now = recent[~is_missing(column, recent)].value_counts()
        if reference.n_other:  # unlisted levels may be among those
            now = now[now.index.isin(before.index)]
        both = before.add(now, fill_value=0).sort_values(ascending=False, kind="stable")
        least = max(MIN_COUNT, MIN_SHARE * (reference.n_rows + len(recent)))
        super().__init__(column, levels=pd.Index(both.index[both >= least][:MAX_LEVELS], dtype=object))
        own = [reference.levels.get(level, 0) for level in self._levels]
        rare = sum(reference.levels.values()) + reference.n_other - sum(own)
        self.counts: Counts = np.array([*own, rare, reference.n_missing])

    def described(self, recent: Counts) -> tuple[Bin, ...]:
        """The bins, with levels in words and counts."""
        names = [*(spoken(self.column, level) for level in self._levels), "rare or unseen", "missing"]
        return tuple(
            Bin(name=name, low=None, high=None, n_reference=before, n_recent=now)
            for name, before, now in zip(names, self.counts.tolist(), recent.tolist(), strict=True)
        )

    def unseen_share(self, values: pd.Series[Any]) -> float | None:
        """Share of the rows with a level that training never saw; None if training had too many levels to list all."""
        if self._reference.n_other:
            return None
        unseen = ~values.isin(list(self._reference.levels)).to_numpy() & ~is_missing(self.column, values)
        return float(unseen.mean())


def bins_of(column: Column, reference: ColumnReference, recent: pd.Series[Any]) -> NumberBins | LevelBins:
    """The bins of a column."""
    if isinstance(reference, NumberReference):
        return NumberBins(column, reference)
    return LevelBins(column, reference, recent)


def _between(column: Column, low: float | None, high: float | None) -> str:
    if low is None:
        return "any" if high is None else f"≤ {without_unit(column, high)}"
    if high is None:
        return f"> {without_unit(column, low)}"
    return f"{without_unit(column, low)} – {without_unit(column, high)}"
