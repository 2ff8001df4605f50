"""Dates and times in files: one format for a whole column, and the moments it stands for, in UTC."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.arrays import Floats
from data.errors import TableError

EARLIEST, LATEST = pd.Timestamp("1678-01-01"), pd.Timestamp("2262-01-01")
"""Bounds of a time; between them every resolution that numpy and pandas use is exact."""

ISO_DATE = r"\d{4}-\d{2}-\d{2}"
"""Prefix of an ISO 8601 date; without it "20240105" and "2024" would be read as times too."""

ISO = "ISO 8601"

_DAYS = (
    *("%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y", "%Y/%m/%d", "%d.%m.%Y", "%d.%m.%y", "%d-%m-%Y", "%m-%d-%Y"),
    *("%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b-%Y", "%b-%y", "%b %Y", "%B %Y"),
    *("%Y-%m", "%Y/%m", "%m/%Y"),
)
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
_FORMATS = tuple(day + clock for clock in _CLOCKS for day in _DAYS)

EPOCHS = {
    "epoch seconds": (pd.Timedelta("1s"), "1970-01-01"),
    "epoch milliseconds": (pd.Timedelta("1ms"), "1970-01-01"),
    # right from March 1900 on: Excel believes in a 29 February 1900
    "excel days": (pd.Timedelta("1D"), "1899-12-30"),
}
"""Formats of times written as numbers: the unit, and the day from which it counts."""

_MICROSECOND = pd.Timedelta("1us")
EXACT_MICROSECONDS = 2**53
"""Microseconds below it are exact as floats."""

_LIKE_A_DATE = re.compile(r"\d{1,4}[/.\- ]|[A-Za-z]{3,9}[ \-]\d")
_MAX_TRIED = 50
"""Texts, spread over the column, on which formats are tried before the whole column is read."""

_NEARLY_ALL = 0.9
"""The share of the values that must be times for a column to hold times; the others are mistakes."""

Times: TypeAlias = "pd.Series[Any]"


class TimeFormatError(TableError):
    """A column whose values no single format reads, or several read differently."""


def check_format(form: str) -> None:
    """TableError unless it is a format of `Column.format`."""
    if form in EPOCHS:
        return
    try:
        day = datetime(2024, 11, 23, 21, 45, 6)
        is_one = datetime.strptime(day.strftime(form), form).year == day.year
    except ValueError:
        is_one = False
    if not is_one:
        raise TableError(
            f"the format {form!r} reads no times; write one such as '%d/%m/%Y %H:%M' (in the codes of Python's "
            f"strptime, with a year), {' or '.join(map(repr, EPOCHS))}"
        )


def parse_times(values: pd.Series[Any], form: str | None = None) -> Times:
    """Times of shape (n_rows,) as naive UTC datetime64[us]; NaT where a value is empty or not a time.

    Parameters
    ----------
    form : of texts and numbers, see `Column.format`. Text may also be ISO 8601, and is nothing else for None. Without
        a format, numbers are not times.
    """
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        times: Times = values.dt.tz_convert("UTC").dt.tz_localize(None)
    elif pd.api.types.is_datetime64_dtype(values):
        times = values
    elif pd.api.types.is_timedelta64_dtype(values):
        times = pd.Series(np.datetime64("NaT"), index=values.index)
    elif form in EPOCHS:
        times = _since_epoch(values, form)
    elif pd.api.types.is_numeric_dtype(values) and form is not None:
        times = _parse_texts(values.astype(object).map(_whole_text, na_action="ignore"), form)
    elif pd.api.types.is_numeric_dtype(values):
        times = pd.Series(np.datetime64("NaT"), index=values.index)
    else:
        times = _parse_texts(values, form)
    times = times.where((times >= EARLIEST) & (times < LATEST))
    moments: Times = times.astype("datetime64[us]")
    return moments


def parse_time(value: float | str, form: str) -> datetime | None:
    """A single time as in `parse_times`, a hundred times faster; None for what is not in the format."""
    try:
        if form not in EPOCHS:
            return datetime.strptime(str(value), form)
        unit, origin = EPOCHS[form]
        return datetime.fromisoformat(origin) + timedelta(microseconds=round(float(value) * (unit / _MICROSECOND)))
    except (ValueError, OverflowError):
        return None


def time_format(values: pd.Series[Any]) -> str | None:
    """The one format of a column's texts; None for ISO 8601, typed times, and what is not times at all.

    The whole column decides: 25/12/2026 shows that 03/12/2026 is a day in December.

    Raises TimeFormatError, with the readings, if several formats fit and differ, or none fits all that are times.
    """
    if values.dtype.kind in "iufMmb" or isinstance(values.dtype, pd.DatetimeTZDtype):
        return None
    n_rows = _texts(values).value_counts(sort=False)
    texts = pd.Series(n_rows.index, dtype=object)
    is_iso = _parse(texts.where(texts.str.match(ISO_DATE)), ISO).notna().to_numpy()
    others = texts[~is_iso].reset_index(drop=True)
    spread = np.unique(np.linspace(0, len(others) - 1, min(_MAX_TRIED, len(others))).astype(int))
    readings = {form: _parse(others, form) for form in _candidates(others.iloc[spread].tolist())}
    if not readings:
        return None
    are_times = np.any([reading.notna() for reading in readings.values()], axis=0)
    counts = n_rows.to_numpy()
    if counts[is_iso].sum() + counts[~is_iso][are_times].sum() < _NEARLY_ALL * counts.sum():
        return None
    full = {form: reading for form, reading in readings.items() if reading[are_times].notna().all()}
    if not full:
        raise TimeFormatError(_mixed(others, readings, are_times))
    form, chosen = next(iter(full.items()))
    for other, reading in full.items():
        if _order(other) != _order(form):  # also where the readings agree: 05/05/2024 says nothing about later files
            place = (are_times & (reading != chosen).to_numpy()).argmax()
            raise TimeFormatError(
                f"{others[place]!r} is {_day(chosen[place])} as {form!r} and {_day(reading[place])} as {other!r}, and "
                "the column does not show which"
            )
    return form


TIME_WORDS = frozenset({"time", "timestamp", "datetime", "date", "ts", "epoch", "unix"})
"""Words in the names of columns whose numbers may be times."""


def epoch_of(numbers: Floats) -> str | None:
    """The format by which all numbers are times from 1980 to 2059; None if there is none."""
    if not len(numbers):
        return None
    for form in EPOCHS:
        times = _since_epoch(pd.Series(numbers), form)
        if times.notna().all() and times.min().year >= 1980 and times.max().year < 2060:
            return form
    return None


def _whole_text(number: float) -> str:
    """A year, or a day such as 20241231, as text."""
    return str(int(number)) if float(number).is_integer() else str(number)


def _texts(values: pd.Series[Any]) -> pd.Series[Any]:
    """The values that are not blank, as texts; str() of a date or datetime object is ISO 8601."""
    present = values.dropna().astype(object).map(str).str.strip()
    return present[present != ""]


def _parse_texts(values: pd.Series[Any], form: str | None) -> Times:
    present = _texts(values)
    parsed = _parse(present.where(present.str.match(ISO_DATE)), ISO)
    if form is not None:
        parsed = parsed.fillna(_parse(present, form))
    return parsed.reindex(values.index)


def _since_epoch(values: pd.Series[Any], form: str) -> Times:
    unit, origin = EPOCHS[form]
    microseconds = pd.to_numeric(values, errors="coerce").astype("float64") * (unit / _MICROSECOND)
    microseconds = microseconds.where(microseconds.abs() < EXACT_MICROSECONDS).round()
    return pd.Timestamp(origin) + pd.to_timedelta(microseconds, unit="us")


def _order(form: str) -> list[str]:
    """The codes of day, month and year in a format, in their order."""
    return re.findall("%[dmbBy]", form.lower().replace("%b", "%m"))


def _day(moment: pd.Timestamp) -> str:
    return f"{moment.day} {moment:%B %Y}"


def _candidates(texts: list[str]) -> list[str]:
    """The formats that read at least one of the texts."""
    likely = [text for text in texts if _LIKE_A_DATE.match(text)]
    return [form for form in _FORMATS if any(_reads(text, form) for text in likely)]


def _reads(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True


def _mixed(texts: pd.Series[Any], readings: dict[str, Times], are_times: npt.NDArray[np.bool_]) -> str:
    """The two formats of a column that mixes them, each with a text that the other cannot read."""
    best = max(readings, key=lambda form: readings[form].notna().sum())
    left = are_times & readings[best].isna().to_numpy()
    other = max(readings, key=lambda form: readings[form][left].notna().sum())
    left = left & readings[other].notna().to_numpy()
    only_best = readings[best].notna().to_numpy() & readings[other].isna().to_numpy()
    one = texts[only_best if only_best.any() else readings[best].notna().to_numpy()].iloc[0]
    return f"it mixes formats: {one!r} is read by {best!r} and {texts[left].iloc[0]!r} only by {other!r}"


def _parse(texts: pd.Series[Any], form: str) -> Times:
    return pd.to_datetime(texts, format="ISO8601" if form == ISO else form, errors="coerce", utc=True).dt.tz_localize(
        None
    )
