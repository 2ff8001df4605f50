"""Parsing of dates and times in files to UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

EARLIEST, LATEST = pd.Timestamp("1678-01-01"), pd.Timestamp("2262-01-01")
"""Bounds of a time; between them every resolution that numpy and pandas use is exact."""

ISO_DATE = r"\d{4}-\d{2}-\d{2}"
"""Prefix of an ISO 8601 date; without it "20240105" and "2024" would be read as times too."""

_DAYS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%d %b %Y", "%d-%b-%Y", "%b %d, %Y")
_CLOCKS = ("", " %H:%M", " %H:%M:%S")
_FORMATS = tuple(day + clock for clock in _CLOCKS for day in _DAYS)


def parse_times(values: pd.Series[Any]) -> pd.Series[Any]:
    """Times of shape (n_rows,) as naive UTC datetime64[us]; NaT where a value is empty or not a time.

    Text is ISO 8601, or in one of some usual formats, the same for the whole column. If the format is ambiguous
    (03/04/2024), the column holds no times: a guess could swap days and months. Numbers are not times.
    """
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        times: pd.Series[Any] = values.dt.tz_convert("UTC").dt.tz_localize(None)
    elif pd.api.types.is_datetime64_dtype(values):
        times = values
    elif pd.api.types.is_numeric_dtype(values) or pd.api.types.is_timedelta64_dtype(values):
        times = pd.Series(np.datetime64("NaT"), index=values.index)
    else:
        times = _parse_texts(values)
    times = times.where((times >= EARLIEST) & (times < LATEST))
    moments: pd.Series[Any] = times.astype("datetime64[us]")
    return moments


def _parse_texts(values: pd.Series[Any]) -> pd.Series[Any]:
    present = values.dropna().astype(object).map(str).str.strip()  # str() of a date or datetime object is ISO 8601
    present = present[present != ""]
    parsed = _parse(present.where(present.str.match(ISO_DATE)), "ISO8601")
    if parsed.notna().sum() * 2 < len(present):
        parsed = _parse_by_usual_format(present)
    return parsed.reindex(values.index)


def _parse_by_usual_format(present: pd.Series[Any]) -> pd.Series[Any]:
    """The column in the only format that fits nearly all of it; all NaT if no format does, or several do."""
    nearly_all = 0.9
    sample = present.iloc[:20].tolist()
    candidates = [form for form in _FORMATS if any(_speaks(text, form) for text in sample)]
    readings = [reading for form in candidates if (reading := _parse(present, form)).notna().mean() >= nearly_all]
    if len(readings) == 1 or (readings and all(reading.equals(readings[0]) for reading in readings)):
        return readings[0]
    return pd.Series(pd.NaT, index=present.index, dtype="datetime64[us]")


def _speaks(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True


def _parse(texts: pd.Series[Any], form: str) -> pd.Series[Any]:
    return pd.to_datetime(texts, format=form, errors="coerce", utc=True).dt.tz_localize(None)
