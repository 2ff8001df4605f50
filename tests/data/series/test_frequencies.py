"""Periods and coming times, against those of pandas."""

from __future__ import annotations

from datetime import date, datetime
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.series.frequencies import (
    STEP_WORDS,
    STEPS,
    future_times,
    on_weekend,
    period_numbers,
    period_starts,
    step_kinds,
)
from data.series.spec import Frequency

OF_PANDAS = {"H": "h", "D": "D", "W": "W-SUN", "MS": "M", "QS": "Q", "YS": "Y"}
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))


def moments(*times: datetime | str) -> np.ndarray:
    return np.array(times, "datetime64[us]")


@pytest.mark.parametrize("frequency", OF_PANDAS)
@given(st.lists(MOMENTS, min_size=2, max_size=9))
def test_periods_are_numbered_without_gaps(frequency, times):
    """Two times are as many periods apart as in pandas, and a period begins where it does there."""
    found = moments(*times)
    periods = pd.PeriodIndex(found, freq=OF_PANDAS[frequency])

    numbers = period_numbers(found, frequency)

    assert np.diff(numbers).tolist() == np.diff(periods.asi8).tolist()
    assert (period_starts(numbers, frequency) == periods.to_timestamp(how="start").to_numpy()).all()


@pytest.mark.parametrize("frequency", [*OF_PANDAS, "B"])
@given(MOMENTS, st.integers(1, 40))
def test_times_go_on_from_the_last(frequency, last, n_steps):
    """At the same place of the period; month ends go on as month ends."""
    start = pd.Timestamp(last)
    months = {"MS": 1, "QS": 3, "YS": 12}.get(frequency)
    if months and start.is_month_end:
        expected = [start + pd.offsets.MonthEnd(months * step) for step in range(1, n_steps + 1)]
    elif months:
        expected = [start + pd.DateOffset(months=months * step) for step in range(1, n_steps + 1)]
    else:
        step = {"H": pd.Timedelta(hours=1), "D": pd.Timedelta(days=1), "W": pd.Timedelta(days=7)}.get(frequency)
        expected = [start + (pd.offsets.BDay(k) if step is None else k * step) for k in range(1, n_steps + 1)]

    found = future_times(np.datetime64(last, "us"), frequency, n_steps)

    assert found is not None
    assert found.dtype == np.dtype("datetime64[us]")
    assert [pd.Timestamp(time) for time in found] == expected


@given(st.dates(date(1960, 1, 1), date(1980, 1, 1)), st.dates(date(1960, 1, 1), date(1980, 1, 1)))
def test_weekdays_are_numbered_without_gaps(first, second):
    """Two are as many apart as there are weekdays from one to the other."""
    days = pd.bdate_range(*sorted([first, second]))
    if len(days) == 0:
        return
    ends = days[[0, -1]].to_numpy().astype("datetime64[us]")

    numbers = period_numbers(ends, "B")

    assert numbers[1] - numbers[0] == len(days) - 1
    assert (period_starts(numbers, "B") == ends).all()


def test_weekends_are_no_weekdays():
    """A Friday is followed by a Monday, whose number is the next."""
    friday, saturday, sunday, monday = moments("2024-03-01", "2024-03-02", "2024-03-03T23:59", "2024-03-04")

    assert on_weekend(moments(friday, saturday, sunday, monday)).tolist() == [False, True, True, False]
    assert np.diff(period_numbers(moments(friday, monday), "B")).tolist() == [1]
    assert future_times(friday, "B", 1) == monday


def test_observations_have_no_periods():
    assert future_times(np.datetime64("2024-03-01"), "observations", 3) is None
    with pytest.raises(ValueError, match="no periods"):
        period_numbers(moments("2024-03-01"), "observations")
    with pytest.raises(ValueError, match="no periods"):
        period_starts(np.arange(2), "observations")


@pytest.mark.parametrize("frequency", STEPS)
@given(MOMENTS)
def test_steps_are_told_by_their_length(frequency, last):
    """Whatever the place in the year, a step of a frequency is one, and a step of five of them is none or another."""
    times = future_times(np.datetime64(last, "us"), frequency, 30)

    assert times is not None
    assert {STEPS[kind] for kind in step_kinds(times).tolist()} == {frequency}
    assert frequency not in {STEPS[kind] for kind in step_kinds(times[::5]).tolist() if kind >= 0}


def test_every_frequency_has_its_words():
    assert set(STEP_WORDS) | {"observations"} == set(get_args(Frequency))
    assert set(STEPS) == set(STEP_WORDS) - {"B"}
