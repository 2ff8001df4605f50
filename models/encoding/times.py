"""Encoding of a time: hour, weekday and day of the year."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.column import Column
from models.arrays import Labels
from models.encoding.arrays import FEW_ROWS, Features

Parts: TypeAlias = npt.NDArray[np.int64]


class TimeBlock:
    """One time: hour of the day, day of the week and day of the year, each as a point on a circle.

    The date itself is not encoded, since a network cannot extrapolate beyond its training period; calendar parts recur.
    A part is kept if more than half of its values occur in training, over at least one full period. A missing time is
    the centre of the circle.
    """

    periods = (24, 7, 366)
    days = (1, 7, 365)
    part_names = ("hour", "weekday", "day of year")
    stored_as: ClassVar[str] = "time_block"
    stored_fields: ClassVar[Mapping[str, str]] = {
        "name": "text",
        "kept": "int[parts]",
        "circles": "float32[, 2][parts]",
    }

    def __init__(self, column: Column) -> None:
        self.name = column.name

    def fit(self, frame: pd.DataFrame, labels: Labels | None = None) -> None:
        """Choose the calendar parts that training covers; `labels` are not used."""
        parts = self.parts_of_frame(frame)
        span = frame[self.name].max() - frame[self.name].min()
        self.kept = [
            i
            for i, part in enumerate(parts)
            if len(np.unique(part[part >= 0])) > self.periods[i] / 2 and span >= pd.Timedelta(days=self.days[i])
        ]
        # A look-up per part: the point on the circle for each hour, day, ...; the last row is for a missing time (-1)
        self.circles = []
        for i in self.kept:
            angles = 2 * np.pi * np.arange(self.periods[i]) / self.periods[i]
            circle = np.stack([np.sin(angles), np.cos(angles)], axis=1)
            self.circles.append(np.vstack([circle, np.zeros((1, 2))]).astype(np.float32))

    def parts_of_frame(self, frame: pd.DataFrame) -> Parts:
        """Hour, weekday and day of the year, counted from 0 and -1 where the time is missing: (3, n_rows)."""
        return _calendar_parts(frame[self.name].to_numpy("datetime64[s]"))

    def parts_of_rows(self, rows: Sequence[Any]) -> Parts:
        """The same for rows given as mappings; times with a zone are converted to UTC."""
        times = [row.get(self.name) for row in rows]
        if len(rows) < FEW_ROWS:
            return np.array([_parts(time) for time in times], np.int64).T
        moments = np.array([_without_zone(time) for time in times], "datetime64[us]")
        return _calendar_parts(moments.astype("datetime64[s]"))

    def encode(self, parts: Parts, out: Features) -> None:
        """Write the features of the calendar parts (3, n_rows) into `out`."""
        for position, i in enumerate(self.kept):
            out[:, 2 * position : 2 * position + 2] = self.circles[position][parts[i]]

    def check_restored(self) -> None:
        """ValueError unless every part has a point for each of its values."""
        if any(not 0 <= i < len(self.periods) for i in self.kept):
            raise ValueError(f"kept must be positions among {len(self.periods)} parts, got {self.kept}")
        if (found := [len(circle) for circle in self.circles]) != (needed := [self.periods[i] + 1 for i in self.kept]):
            raise ValueError(f"circles must have {needed} points, got {found}")

    @property
    def owners(self) -> list[str]:
        """The column, once for each feature."""
        return [self.name] * (2 * len(self.kept))

    @property
    def feature_names(self) -> list[str]:
        """Name of each feature."""
        return [f"{self.name} {self.part_names[i]} {axis}" for i in self.kept for axis in ("sin", "cos")]


def _calendar_parts(times: npt.NDArray[np.datetime64]) -> Parts:
    """Hour, weekday and day of the year of times, see `TimeBlock.parts_of_frame`."""
    days = times.astype("datetime64[D]")
    hours = (times - days).astype("timedelta64[h]").astype(np.int64)
    weekdays = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    yeardays = (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
    return np.where(np.isnat(times), -1, [hours, weekdays, yeardays])


def _without_zone(time: datetime | None) -> datetime | None:
    return time if time is None or time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)


def _parts(time: datetime | None) -> tuple[int, int, int]:
    if time is None:
        return -1, -1, -1
    if time.tzinfo is not None:
        time = time.astimezone(UTC)
    return time.hour, time.weekday(), time.timetuple().tm_yday - 1
