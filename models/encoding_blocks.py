"""How columns of one kind become numbers for the network.

A block learns from the training rows, then turns raw values into float32 features. Frames and single rows take the same
arithmetic: only operations that IEEE 754 rounds in one way (+ - * / sqrt, comparisons, table look-ups), so that a row
has the same bits whichever way it came and however many rows came with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.table import Column, level_text

Floats: TypeAlias = npt.NDArray[np.float64]
Features: TypeAlias = npt.NDArray[np.float32]
Parts: TypeAlias = npt.NDArray[np.int64]


_LARGEST = 1e100  # numbers beyond it, infinite ones too, are taken for it: their square must stay finite


class NumberBlock:
    """All numbers: a robustly scaled value, a piecewise-linear code on bins, and a flag where values were missing.

    The scaled value is (x - median) / (interquartile range), smoothly clipped by x / sqrt(1 + (x/3)^2) to -3..3
    (Holzmueller et al. 2024). The code on bins is, for each bin, the share of it that lies below x (Gorishniy et al.
    2022); bin edges are quantiles, or the values themselves where there are few. A missing number takes the median's
    code beside its flag.

    Parameters
    ----------
    columns : of kind `number`.
    n_bins : most bins a column, 0 for none.
    """

    def __init__(self, columns: Sequence[Column], *, n_bins: int) -> None:
        self.names = [column.name for column in columns]
        self.codes = [[float(code) for code in column.missing if not isinstance(code, str)] for column in columns]
        self.has_codes = any(self.codes)
        self.n_bins = n_bins

    def fit(self, frame: pd.DataFrame) -> None:
        """Learn medians, ranges, bin edges and which columns have gaps."""
        self.medians, self.scales = np.zeros(len(self.names)), np.zeros(len(self.names))
        edges: list[Floats] = []
        gaps: list[int] = []
        for i, name in enumerate(self.names):
            values = self._without_codes(np.array(pd.to_numeric(frame[name]), np.float64)[:, None], [i])[:, 0]
            present = values[np.isfinite(values)]
            if np.isnan(values).any():
                gaps.append(i)
            edges.append(self._edges(present))
            if len(present):
                low, self.medians[i], high = np.quantile(present, [0.25, 0.5, 0.75])
                spread = high - low or (present.max() - present.min()) / 2
                self.scales[i] = 1 / spread if np.isfinite(spread) and spread > 0 else 0.0
        self.gaps = np.array(gaps, np.intp)
        self.bin_owners = np.repeat(np.arange(len(edges)), [max(len(edge) - 1, 0) for edge in edges])
        self.bin_starts = np.concatenate([edge[:-1] for edge in edges]) if edges else np.zeros(0)
        self.bin_widths = np.concatenate([np.diff(edge) for edge in edges]) if edges else np.zeros(0)

    def _edges(self, present: Floats) -> Floats:
        """Edges of a column's bins; none if it has fewer than three values (then the scaled value says it all)."""
        few = 2
        distinct = np.unique(present)
        if self.n_bins == 0 or len(distinct) <= few:
            return np.zeros(0)
        if len(distinct) <= self.n_bins + 1:
            return distinct
        return np.unique(np.quantile(present, np.linspace(0, 1, self.n_bins + 1)))

    def _without_codes(self, values: Floats, columns: Sequence[int]) -> Floats:
        """The values with NaN in place of every code that means missing."""
        for position, i in enumerate(columns):
            for code in self.codes[i]:
                values[values[:, position] == code, position] = np.nan
        return values

    @property
    def owners(self) -> list[str]:
        """The column that each feature belongs to."""
        return [self.names[i] for i in (*range(len(self.names)), *self.bin_owners, *self.gaps)]

    @property
    def feature_names(self) -> list[str]:
        """Name of each feature."""
        bins = [f"{self.names[i]}>{start:.6g}" for i, start in zip(self.bin_owners, self.bin_starts, strict=True)]
        return [*self.names, *bins, *(f"{self.names[i]} missing" for i in self.gaps)]

    def values_of_rows(self, rows: Sequence[Any]) -> Floats:
        """Raw values (n_rows, n_numbers) of rows given as mappings; absent and None become NaN."""
        return np.array([[row.get(name) for name in self.names] for row in rows], np.float64)

    def values_of_frame(self, frame: pd.DataFrame) -> Floats:
        """Raw values (n_rows, n_numbers) of a frame."""
        columns = [np.asarray(pd.to_numeric(frame[name]), np.float64) for name in self.names]
        return np.stack(columns, axis=1)

    def encode(self, values: Floats, out: Features) -> None:
        """Write the features of raw `values` (n_rows, n_numbers) into `out`; `values` are overwritten."""
        n_numbers, n_bins = len(self.names), len(self.bin_owners)
        if self.has_codes:
            self._without_codes(values, range(n_numbers))
        missing = np.isnan(values)
        if missing.any():
            np.copyto(values, self.medians, where=missing)
        np.minimum(values, _LARGEST, out=values)  # twice as fast as np.clip on a single row
        np.maximum(values, -_LARGEST, out=values)
        if n_bins:
            shares = values[:, self.bin_owners]
            shares -= self.bin_starts
            shares /= self.bin_widths
            np.minimum(shares, 1, out=shares)
            np.maximum(shares, 0, out=out[:, n_numbers : n_numbers + n_bins], casting="same_kind")
        values -= self.medians
        values *= self.scales
        tails = values / 3
        tails *= tails
        tails += 1
        np.sqrt(tails, out=tails)
        np.divide(values, tails, out=out[:, :n_numbers], casting="same_kind")
        out[:, n_numbers + n_bins :] = missing[:, self.gaps]


class CategoryBlock:
    """One category, flag or key: each level is a row of `vectors`.

    A level that training saw often enough has a one-hot feature. Rarer and unseen ones share a feature (those of a key
    are spread over several by a hash), missing ones have another. Where training gave no example of such a shared
    feature, its weights were never learned; then the average vector of the training rows stands in, which is neither a
    guess nor a zero.

    Parameters
    ----------
    max_levels : most levels with a feature of their own.
    least_rows : training rows that a level needs for that.
    n_buckets : features shared by the rarer and the unseen levels.
    """

    def __init__(self, column: Column, *, max_levels: int, least_rows: int) -> None:
        self.name = column.name
        self.max_levels, self.least_rows = max_levels, least_rows
        self.n_buckets = 32 if column.kind == "key" else 1
        self.missing_texts = [level_text(code) for code in column.missing]
        self.spellings = column.flag_values if column.kind == "flag" else {}
        self.levels = ["false", "true"] if self.spellings else []

    def fit(self, frame: pd.DataFrame) -> None:
        """Learn the levels and which of the shared features have examples."""
        if not self.spellings:
            counts = frame[self.name].map(self._text).value_counts()
            frequent = counts[counts >= min(self.least_rows, max(len(frame) // 20, 1))]
            self.levels = sorted(map(str, frequent.index[: self.max_levels]))
        self._index_levels()
        n_levels, n_codes = len(self.levels), len(self.levels) + self.n_buckets + 1
        seen = np.bincount(self.codes_of_frame(frame), minlength=n_codes)
        kept = [code for code in range(n_codes) if code < n_levels or seen[code]]
        self.kept = np.array(kept, np.intp)
        vectors = np.eye(n_codes)
        vectors[np.setdiff1d(np.arange(n_codes), self.kept)] = seen / max(seen.sum(), 1)
        self.vectors: Features = np.ascontiguousarray(vectors[:, self.kept], np.float32)

    def _text(self, value: object) -> str | None:
        """The level as canonical text, None where the value is missing."""
        if value is None or pd.isna(value):  # type: ignore[call-overload]
            return None
        text = level_text(value)
        return None if text in self.missing_texts else text

    def _index_levels(self) -> None:
        """Fill the look-up. Whole numbers stand in it beside their text because requests may hold either."""
        if self.spellings:
            codes = {text: int(number) for text, number in self.spellings.items()}
        else:
            codes = {level: code for code, level in enumerate(self.levels)}
        numbers = {int(text): code for text, code in codes.items() if text.isdecimal() and str(int(text)) == text}
        self._code_of: dict[Any, int] = {**codes, **numbers}

    def code(self, value: object) -> int:
        """The row of `vectors` for a raw value."""
        code = self._code_of.get(value)
        if code is None:
            text = self._text(value)
            if text is None:
                return len(self.levels) + self.n_buckets
            code = self._code_of.get(text, len(self.levels) + crc32(text.encode()) % self.n_buckets)
        return code

    def is_unseen(self, value: object) -> bool:
        """Whether training saw too few rows of this value, or none, to know it."""
        code = self.code(value)
        return len(self.levels) <= code < len(self.levels) + self.n_buckets

    def codes_of_frame(self, frame: pd.DataFrame) -> npt.NDArray[np.intp]:
        """Row of `vectors` for every row of the frame."""
        positions, uniques = pd.factorize(frame[self.name], use_na_sentinel=False)
        codes = np.array([self.code(value) for value in uniques], np.intp)
        return codes[positions]

    @property
    def owners(self) -> list[str]:
        """The column, once for each feature."""
        return [self.name] * len(self.kept)

    @property
    def feature_names(self) -> list[str]:
        """Name of each feature."""
        buckets = [f"{self.name} rare {i}" for i in range(self.n_buckets)]
        names = [*(f"{self.name}={level}" for level in self.levels), *buckets, f"{self.name} missing"]
        return [names[i] for i in self.kept]

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the look-up, which follows from the levels."""
        return {name: value for name, value in self.__dict__.items() if name != "_code_of"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._index_levels()


class TimeBlock:
    """One time: hour of the day, day of the week and day of the year, each as a point on a circle.

    The calendar repeats, so what was learned of a Monday morning holds for the next one. The running date itself is
    left out: a network cannot know what lies beyond its training time. A part of the calendar is kept if training saw
    more than half of it. A missing time is the centre of the circle.
    """

    periods = (24, 7, 366)
    part_names = ("hour", "weekday", "day of year")

    def __init__(self, column: Column) -> None:
        self.name = column.name

    def fit(self, frame: pd.DataFrame) -> None:
        """Choose the parts of the calendar that training saw enough of."""
        parts = self.parts_of_frame(frame)
        self.kept = [i for i, part in enumerate(parts) if len(np.unique(part[part >= 0])) > self.periods[i] / 2]
        # One table a part: the point on the circle for each hour, day, ...; the last row is for a missing time
        self.circles = []
        for i in self.kept:
            angles = 2 * np.pi * np.arange(self.periods[i]) / self.periods[i]
            circle = np.stack([np.sin(angles), np.cos(angles)], axis=1)
            self.circles.append(np.vstack([circle, np.zeros((1, 2))]).astype(np.float32))

    def parts_of_frame(self, frame: pd.DataFrame) -> Parts:
        """Hour, weekday and day of the year, counted from 0 and -1 where the time is missing: (3, n_rows)."""
        times = frame[self.name].to_numpy("datetime64[s]")
        days = times.astype("datetime64[D]")
        hours = (times - days).astype("timedelta64[h]").astype(np.int64)
        weekdays = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
        yeardays = (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
        return np.where(np.isnat(times), -1, [hours, weekdays, yeardays])

    def parts_of_rows(self, rows: Sequence[Any]) -> Parts:
        """The same for rows given as mappings; times with a zone are taken to UTC."""
        return np.array([_parts(row.get(self.name)) for row in rows], np.int64).T

    def encode(self, parts: Parts, out: Features) -> None:
        """Write the features of the calendar parts (3, n_rows) into `out`."""
        for position, i in enumerate(self.kept):
            out[:, 2 * position : 2 * position + 2] = self.circles[position][parts[i]]

    @property
    def owners(self) -> list[str]:
        """The column, once for each feature."""
        return [self.name] * (2 * len(self.kept))

    @property
    def feature_names(self) -> list[str]:
        """Name of each feature."""
        return [f"{self.name} {self.part_names[i]} {axis}" for i in self.kept for axis in ("sin", "cos")]


def _parts(time: datetime | None) -> tuple[int, int, int]:
    if time is None:
        return -1, -1, -1
    if time.tzinfo is not None:
        time = time.astimezone(UTC)
    return time.hour, time.weekday(), time.timetuple().tm_yday - 1
