"""Frequencies: the periods that times fall into, the times that come next, and the steps between times."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from data.arrays import Integers, Mask
from data.series.spec import Frequency

Times: TypeAlias = npt.NDArray[np.datetime64]

STEP_WORDS: dict[Frequency, str] = {
    "H": "an hour", "D": "a day", "B": "a weekday", "W": "a week", "MS": "a month", "QS": "a quarter", "YS": "a year",
}  # fmt: skip
"""What a step of each frequency is called."""
_STEP_HOURS: dict[Frequency, tuple[float, float]] = {
    "H": (0.9, 1.1), "D": (21, 99), "W": (165, 171), "MS": (26 * 24, 35 * 24), "QS": (85 * 24, 97 * 24),
    "YS": (360 * 24, 370 * 24),
}  # fmt: skip
"""Hours from one time to the next by which the step is told; a day may be one before a weekend or a holiday."""
STEPS = tuple(_STEP_HOURS)
"""The frequencies that steps can be told to have; those of weekdays are told as days."""
_MONTHS: dict[Frequency, int] = {"MS": 1, "QS": 3, "YS": 12}
_MONDAY = np.datetime64("1969-12-29", "D")
"""The Monday of the week of 1970-01-01, from which weeks and weekdays count."""


def period_numbers(times: Times, frequency: Frequency) -> Integers:
    """The number of the period of each time; consecutive periods have consecutive numbers.

    A Saturday or Sunday has the number of the Monday after it among weekdays, see `on_weekend`. Raises ValueError for
    "observations", which have no periods.
    """
    days = times.astype("datetime64[D]")
    match frequency:
        case "H":
            numbers = times.astype("datetime64[h]").astype(np.int64)
        case "D":
            numbers = days.astype(np.int64)
        case "B":
            numbers = np.busday_count(_MONDAY, days)
        case "W":
            numbers = (days - _MONDAY).astype(np.int64) // 7
        case "MS" | "QS" | "YS":
            numbers = times.astype("datetime64[M]").astype(np.int64) // _MONTHS[frequency]
        case _:
            raise ValueError("observations have no periods")
    return np.asarray(numbers, np.int64)


def period_starts(numbers: Integers, frequency: Frequency) -> Times:
    """The first moment of each period, as datetime64[us]; the inverse of `period_numbers`."""
    starts: Any
    match frequency:
        case "H":
            starts = numbers.astype("datetime64[h]")
        case "D":
            starts = numbers.astype("datetime64[D]")
        case "B":
            starts = np.busday_offset(_MONDAY, numbers)
        case "W":
            starts = _MONDAY + 7 * numbers
        case "MS" | "QS" | "YS":
            starts = (numbers * _MONTHS[frequency]).astype("datetime64[M]")
        case _:
            raise ValueError("observations have no periods")
    return np.asarray(starts.astype("datetime64[us]"))


def future_times(last: np.datetime64, frequency: Frequency, n_steps: int) -> Times | None:
    """The times of the next steps, as datetime64[us], (n_steps,); None for "observations", whose times are unknown.

    They keep the place in the period of the last time: a weekly series of Fridays goes on with Fridays, and one of
    month ends with month ends. Among weekdays, holidays are not known.
    """
    if frequency == "observations":
        return None
    moment = last.astype("datetime64[us]")
    steps = np.arange(1, n_steps + 1)
    if frequency in _MONTHS:
        return _months_later(moment, _MONTHS[frequency] * steps)
    if frequency == "B":
        day = moment.astype("datetime64[D]")
        days = np.busday_offset(day, steps, roll="backward").astype("datetime64[us]")
        return np.asarray(days + (moment - day))
    unit = {"H": np.timedelta64(1, "h"), "D": np.timedelta64(1, "D"), "W": np.timedelta64(7, "D")}[frequency]
    return np.asarray((moment + unit * steps).astype("datetime64[us]"))


def _months_later(moment: np.datetime64, months: npt.NDArray[np.int64]) -> Times:
    """The same day and time of day in later months; the last day of a month stays the last."""
    month, day = moment.astype("datetime64[M]"), moment.astype("datetime64[D]")
    firsts = month + months
    lengths = (firsts + 1).astype("datetime64[D]") - firsts.astype("datetime64[D]")
    is_last = day == (month + 1).astype("datetime64[D]") - 1
    place = day - month.astype("datetime64[D]")
    places = lengths - np.timedelta64(1, "D") if is_last else np.minimum(place, lengths - np.timedelta64(1, "D"))
    return np.asarray((firsts.astype("datetime64[D]") + places).astype("datetime64[us]") + (moment - day))


def on_weekend(times: Times) -> Mask:
    """Which times fall on a Saturday or Sunday."""
    return np.asarray(~np.is_busday(times.astype("datetime64[D]")))


def step_kinds(times: Times) -> Integers:
    """The frequency of each step from one time to the next, as its place in `STEPS`; -1 for another step."""
    hours = np.diff(times) / np.timedelta64(1, "h")
    kinds = np.full(len(hours), -1)
    for place, (least, most) in enumerate(_STEP_HOURS.values()):
        kinds[(hours >= least) & (hours <= most)] = place
    return kinds
