"""Encoding of all numbers of a table: scaled, and piecewise linear on bins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.column import Column
from models.arrays import Floats, Labels
from models.encoding.arrays import Features
from models.encoding.feature_groups import FeatureGroups
from models.encoding.target_bins import target_edges

# Larger numbers are clipped to it, and differences below its inverse count as zero: the square of the quotient of the
# two must stay finite in float64
_LARGEST = 1e75
_ROWS_AT_ONCE = 512  # their features stay in the L2 cache through all steps


class NumberBlock:
    """All numbers: a robustly scaled value, a piecewise-linear encoding on bins, and a flag for missing values.

    The scaled value is (x - median) / (interquartile range), smoothly clipped by x / sqrt(1 + (x/3)^2) to -3..3
    (Holzmueller et al. 2024). The encoding on bins is, for each bin, the share of it that lies below x (Gorishniy et
    al. 2022). Bin edges are quantiles and, with labels, the points at which the target's rate changes
    (`target_edges`); or the values themselves where there are at most `most_values`. A missing number is encoded as the
    median, with its flag set. Numbers up to the column's `ordered_above` are codes: each has a flag of its own, and is
    otherwise encoded as that bound.

    Each feature is monotone in its number, bit for bit: every operation is monotone, and IEEE 754 rounds monotonically.

    Parameters
    ----------
    columns : of kind `number`.
    n_bins : maximum number of quantile bins of a column, 0 for none.
    n_target_bins : maximum number of bins between edges found by `target_edges`, 0 for none.
    most_values : see above; never below `n_bins` + 1.

    Attributes
    ----------
    coarse_bins : for each bin the index of the coarser bin that contains it, shape (n_bins,). Coarser bins are those
        between the target's edges; a column without such edges has no coarser ones.
    """

    stored_as: ClassVar[str] = "number_block"
    stored_fields: ClassVar[Mapping[str, str]] = {
        "names": "text[numbers]",
        "codes": "float[][numbers]",
        "n_bins": "int",
        "n_target_bins": "int",
        "most_values": "int",
        "column_directions": "int8[numbers]",
        "floors": "float64[numbers] or inf",
        "medians": "float64[numbers]",
        "scales": "float64[numbers]",
        "gaps": "int64[gaps] < numbers",
        "state_owners": "int64[states] < numbers",
        "states": "float64[states]",
        "state_lows": "float64[states] or inf",
        "state_highs": "float64[states] or inf",
        "bin_owners": "int64[bins] < numbers",
        "bin_starts": "float64[bins]",
        "bin_widths": "float64[bins]",
        "coarse_bins": "int64[bins] < bins",
    }

    def __init__(self, columns: Sequence[Column], *, n_bins: int, n_target_bins: int = 0, most_values: int = 0) -> None:
        self.names = [column.name for column in columns]
        self.codes = [[float(code) for code in column.missing if not isinstance(code, str)] for column in columns]
        self.n_bins, self.n_target_bins = n_bins, n_target_bins
        self.most_values = max(most_values, n_bins + 1)
        self.column_directions = np.array([column.direction for column in columns], np.int8)
        self.floors = np.array([-np.inf if c.ordered_above is None else c.ordered_above for c in columns], np.float64)

    def fit(self, frame: pd.DataFrame, labels: Labels | None = None) -> None:
        """Learn medians, scales, bin edges, and which columns have gaps; `labels` are 0 or 1, shape (n_rows,)."""
        self.medians, self.scales = np.zeros(len(self.names)), np.zeros(len(self.names))
        edges: list[Floats] = []
        coarse: list[npt.NDArray[np.intp]] = []
        states: list[Floats] = []
        gaps: list[int] = []
        for i, name in enumerate(self.names):
            values = self.plain_values(frame, name)
            present = np.clip(values[np.isfinite(values)], -_LARGEST, _LARGEST)
            if np.isnan(values).any():
                gaps.append(i)
            states.append(np.unique(present[present <= self.floors[i]]))
            present = np.maximum(present, self.floors[i])
            fine, starts_coarse = self._edges(present, None if labels is None else labels[np.isfinite(values)])
            edges.append(fine)
            coarse.append(starts_coarse)
            if len(present):
                low, self.medians[i], high = np.quantile(present, [0.25, 0.5, 0.75])
                # Half the range where the quartiles are equal (Holzmueller et al. 2024), 0 for a constant
                spread = high - low if high - low > 1 / _LARGEST else (present.max() - present.min()) / 2
                self.scales[i] = 1 / spread if spread > 1 / _LARGEST else 0.0
        self.gaps = np.array(gaps, np.intp)
        self.state_owners = np.repeat(np.arange(len(states)), [len(codes) for codes in states])
        self.states = np.concatenate(states) if states else np.zeros(0)
        # A code that did not occur in training has the flag of the next higher one, or of the last
        first, last = (np.diff(self.state_owners, **{end: -1}) != 0 for end in ("prepend", "append"))
        self.state_lows = np.where(first, -np.inf, np.roll(self.states, 1))
        self.state_highs = np.where(last, self.floors[self.state_owners], self.states)
        self.bin_owners = np.repeat(np.arange(len(edges)), [max(len(edge) - 1, 0) for edge in edges])
        self.coarse_bins = np.cumsum(np.concatenate(coarse)) - 1 if coarse else np.zeros(0, np.intp)
        self.bin_starts = np.concatenate([edge[:-1] for edge in edges]) if edges else np.zeros(0)
        self.bin_widths = np.concatenate([np.diff(edge) for edge in edges]) if edges else np.zeros(0)

    def _edges(self, present: Floats, labels: Labels | None) -> tuple[Floats, npt.NDArray[np.intp]]:
        """Edges of a column's bins, and for each bin 1 if it starts a coarser one, else 0.

        None if it has fewer than three values: the scaled value is then a complete encoding.
        """
        few = 2
        distinct = _apart(np.unique(present))
        if self.n_bins == 0 or len(distinct) <= few:
            return np.zeros(0), np.zeros(0, np.intp)
        if len(distinct) <= self.most_values:
            return distinct, np.ones(len(distinct) - 1, np.intp)
        edges = np.unique(np.quantile(present, np.linspace(0, 1, self.n_bins + 1)))
        found = np.zeros(0)
        if labels is not None and self.n_target_bins:
            found = target_edges(present, labels, max_bins=self.n_target_bins)
        edges = _apart(np.unique(np.concatenate([edges, found])))
        coarse = np.isin(edges[:-1], found) if len(found) else np.ones(len(edges) - 1)
        coarse[:1] = 1
        return edges, coarse.astype(np.intp)

    def _without_codes(self, values: Floats, columns: Sequence[int]) -> Floats:
        """The values with NaN in place of every code that means missing."""
        for position, i in enumerate(columns):
            for code in self.codes[i]:
                values[values[:, position] == code, position] = np.nan
        return values

    @cached_property
    def has_codes(self) -> bool:
        """Whether any column has codes for missing values."""
        return any(self.codes)

    @cached_property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """The least and the greatest number of the training rows, by column.

        Left out are columns without bins, and those of `ordered_above`, whose lower numbers are codes.
        """
        starts, ends = self.bin_starts, self.bin_starts + self.bin_widths
        return {
            self.names[i]: (float(starts[self.bin_owners == i].min()), float(ends[self.bin_owners == i].max()))
            for i in np.unique(self.bin_owners)
            if self.floors[i] == -np.inf
        }

    @property
    def owners(self) -> list[str]:
        """The column that each feature belongs to."""
        positions = (*range(len(self.names)), *self.bin_owners, *self.state_owners, *self.gaps)
        return [self.names[i] for i in positions]

    @property
    def directions(self) -> npt.NDArray[np.int8]:
        """Direction in which the target may move as each feature rises: 1 up, -1 down, 0 either way.

        The flag of a state turns to 0 when the number rises above the floor, so its direction is the opposite.
        """
        of_columns = self.column_directions
        parts = (of_columns, of_columns[self.bin_owners], -of_columns[self.state_owners])
        return np.concatenate([*parts, np.zeros(len(self.gaps), np.int8)])

    @property
    def groups(self) -> FeatureGroups:
        """The features with coarser bins: the share of a coarser bin is its bins' mean share, weighted by width."""
        n_numbers, n_others = len(self.names), len(self.state_owners) + len(self.gaps)
        shares = self.bin_widths / np.bincount(self.coarse_bins, self.bin_widths)[self.coarse_bins]
        weights = np.concatenate([np.ones(n_numbers), shares, np.ones(n_others)])
        n_before_others = n_numbers + (int(self.coarse_bins[-1]) + 1 if len(self.coarse_bins) else 0)
        groups = (np.arange(n_numbers), n_numbers + self.coarse_bins, n_before_others + np.arange(n_others))
        return FeatureGroups(weights.astype(np.float32), np.concatenate(groups))

    @property
    def feature_names(self) -> list[str]:
        """Name of each feature."""
        bins = [f"{self.names[i]}>{start:.6g}" for i, start in zip(self.bin_owners, self.bin_starts, strict=True)]
        states = [f"{self.names[i]}={state:g}" for i, state in zip(self.state_owners, self.states, strict=True)]
        return [*self.names, *bins, *states, *(f"{self.names[i]} missing" for i in self.gaps)]

    def values_of_rows(self, rows: Sequence[Any]) -> Floats:
        """Raw values (n_rows, n_numbers) of rows given as mappings; absent and None become NaN."""
        values = np.array([row.get(name) for row in rows for name in self.names], np.float64)
        return values.reshape(len(rows), len(self.names))

    def values_of_frame(self, frame: pd.DataFrame) -> Floats:
        """Raw values (n_rows, n_numbers) of a frame."""
        return np.stack([_numbers(frame, name) for name in self.names], axis=1)

    def plain_values(self, frame: pd.DataFrame, name: str) -> Floats:
        """A column's values, NaN for codes that mean missing."""
        return self._without_codes(_numbers(frame, name).copy()[:, None], [self.names.index(name)])[:, 0]

    def encode(self, values: Floats, out: Features) -> None:
        """Write the features of raw `values` (n_rows, n_numbers) into `out`; `values` are overwritten."""
        if len(values) > _ROWS_AT_ONCE:
            for first in range(0, len(values), _ROWS_AT_ONCE):
                self.encode(values[first : first + _ROWS_AT_ONCE], out[first : first + _ROWS_AT_ONCE])
            return
        n_numbers, n_bins, n_states = len(self.names), len(self.bin_owners), len(self.state_owners)
        n_scaled = n_numbers + n_bins
        if self.has_codes:
            self._without_codes(values, range(n_numbers))
        missing = np.isnan(values)
        if np.count_nonzero(missing):  # faster than `any` on a single row
            np.copyto(values, self.medians, where=missing)
        np.minimum(values, _LARGEST, out=values)  # twice as fast as np.clip on a single row
        np.maximum(values, -_LARGEST, out=values)
        if n_states:
            owned = values[:, self.state_owners]
            out[:, n_scaled : n_scaled + n_states] = (owned > self.state_lows) & (owned <= self.state_highs)
            np.maximum(values, self.floors, out=values)
        if n_bins:
            shares = values[:, self.bin_owners]
            shares -= self.bin_starts
            shares /= self.bin_widths
            np.minimum(shares, 1, out=shares)
            np.maximum(shares, 0, out=out[:, n_numbers:n_scaled], casting="same_kind")
        values -= self.medians
        values *= self.scales
        # x / sqrt(1 + (x/3)^2) as the sign of x over sqrt(1/x^2 + 1/9): x occurs once, so that rounding
        # keeps it monotone
        clipped = values * values
        np.maximum(clipped, 1e-200, out=clipped)  # no division by zero; the result still rounds to 0 in float32
        np.divide(1, clipped, out=clipped)
        clipped += 1 / 9
        np.sqrt(clipped, out=clipped)
        np.divide(1, clipped, out=clipped)
        np.copysign(clipped, values, out=out[:, :n_numbers], casting="same_kind")
        out[:, n_scaled + n_states :] = missing[:, self.gaps]


def _numbers(frame: pd.DataFrame, name: str) -> Floats:
    """A column's values; ValueError names the column if they are no numbers."""
    try:
        return np.asarray(pd.to_numeric(frame[name]), np.float64)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"column {name!r} must hold numbers: {error}") from error


def _apart(edges: Floats) -> Floats:
    """Rising edges without those too close to the one before."""
    return edges[np.diff(edges, prepend=-np.inf) > 1 / _LARGEST]
