"""One series from rows as they are: unsorted, repeated, with gaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from models.arrays import Floats
from models.errors import ModelError
from models.series.arrays import Positions

Gaps = Literal["keep", "carry", "refuse"]
MAX_VALUE = 1e300
"""Largest absolute value; leaves room for forecasts beyond it."""
MAX_PERIODS = 1_000_000
"""A series spans no more periods, so that one wrong date does not fill the memory with carried values."""


class SeriesError(ModelError):
    """Rows that are no series that can be forecast."""


def tidy(
    values: Sequence[Any] | npt.NDArray[Any],
    periods: Sequence[int] | Positions | None = None,
    *,
    gaps: Gaps = "keep",
    transform: Literal["none", "log"] = "none",
    name: str = "series",
) -> Floats:
    """The values of a series in the order of time, finite and without gaps, at least one.

    Parameters
    ----------
    values : numbers; NaN or None where one is missing.
    periods : the number of the period (day, week, ...) of each value, in any order; None if they come in order.
    gaps : for periods without a value: "keep" counts observations and leaves them out, so that weekends are no days;
        "carry" repeats the value before; "refuse" is an error.
    transform : "log" refuses values that have no logarithm.
    name : of the series, for errors. Rows are counted from 0.
    """
    numbers = _numbers(values, name)
    order = np.arange(len(numbers)) if periods is None else _order(periods, numbers, name)
    numbers = numbers[order]
    missing = np.isnan(numbers)
    if missing.all():
        raise SeriesError(f"{name} has no value; give at least one number")
    if transform == "log" and (low := order[~missing & (numbers <= 0)]).size:
        row = int(low.min())
        raise SeriesError(
            f"{name} has {float(np.asarray(values, float)[row])!r} in row {row}, which has no logarithm; "
            "give values above 0, or use transform = 'none'"
        )
    times = None if periods is None else np.asarray(periods, np.int64)[order]
    if gaps == "refuse":
        _refuse_gaps(missing, times, order, name)
    if gaps == "carry":
        return _carried(numbers, missing, times, name)
    return numbers[~missing]


def _numbers(values: Sequence[Any] | npt.NDArray[Any], name: str) -> Floats:
    """As float64, NaN where missing; a value that is no number, or infinite, is refused by row."""
    numbers = np.empty(len(values))
    for row, value in enumerate(values):
        try:
            numbers[row] = np.nan if value is None else float(value)
        except (TypeError, ValueError, OverflowError):
            raise SeriesError(f"{name} has {value!r} in row {row}; give a number, or nothing for a gap") from None
        if abs(numbers[row]) > MAX_VALUE:
            raise SeriesError(f"{name} has {value!r} in row {row}; give numbers from {-MAX_VALUE:g} to {MAX_VALUE:g}")
    return numbers


def _order(periods: Sequence[int] | Positions, numbers: Floats, name: str) -> Positions:
    """The rows in the order of time; of rows that say the same twice the first."""
    times = np.asarray(periods, np.int64)
    if len(times) != len(numbers):
        raise SeriesError(f"{name} has {len(numbers)} values but {len(times)} periods; give one period for each value")
    order = np.argsort(times, kind="stable")
    again = np.flatnonzero(np.diff(times[order]) == 0)
    same = (numbers[order][again] == numbers[order][again + 1]) | (
        np.isnan(numbers[order][again]) & np.isnan(numbers[order][again + 1])
    )
    if (conflicts := again[~same]).size:
        first, second = order[conflicts[0]], order[conflicts[0] + 1]
        raise SeriesError(
            f"{name} has two values for period {times[first]}: {numbers[first]:g} in row {first} and "
            f"{numbers[second]:g} in row {second}; keep one of them"
        )
    return np.delete(order, again + 1)


def _refuse_gaps(missing: npt.NDArray[np.bool_], times: Positions | None, order: Positions, name: str) -> None:
    if missing.any():
        raise SeriesError(
            f"{name} has no value in row {order[missing].min()}; fill it, or use gaps = 'keep' or 'carry'"
        )
    if times is not None and (apart := np.flatnonzero(np.diff(times) > 1)).size:
        raise SeriesError(
            f"{name} has no value for period {times[apart[0]] + 1}, after row {order[apart[0]]}; "
            "give it, or use gaps = 'keep' or 'carry'"
        )


def _carried(numbers: Floats, missing: npt.NDArray[np.bool_], times: Positions | None, name: str) -> Floats:
    """Every period from the first value on; nothing is carried back to periods before it."""
    at = np.arange(len(numbers)) if times is None else times - times[0]
    if at[-1] >= MAX_PERIODS:
        raise SeriesError(f"{name} spans {at[-1] + 1} periods; at most {MAX_PERIODS} are allowed with gaps = 'carry'")
    known = np.flatnonzero(~missing)
    newest = np.searchsorted(at[known], np.arange(at[known[0]], at[-1] + 1), side="right") - 1
    return numbers[known[newest]]
