"""Rows as they are become one series, or an error that names the row."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.series.tidy import SeriesError, tidy


def test_rows_in_any_order_are_sorted():
    assert tidy([3, 1, 2], [30, 10, 20]).tolist() == [1, 2, 3]


@given(st.lists(st.tuples(st.integers(-50, 50), st.floats(-1e9, 1e9)), min_size=1, unique_by=lambda one: one[0]))
def test_carrying_is_the_newest_value_of_each_period(rows):
    """Against a plain loop over all periods."""
    known, expected = dict(rows), []
    for period in range(min(known), max(known) + 1):
        expected.append(known.get(period, expected[-1] if expected else None))
    assert tidy([value for _, value in rows], [period for period, _ in rows], gaps="carry").tolist() == expected


def test_gaps_are_left_out_carried_or_refused():
    values, periods = [1, None, float("nan"), 4], [1, 2, 4, 5]
    assert tidy(values, periods).tolist() == [1, 4]
    assert tidy(values, periods, gaps="carry").tolist() == [1, 1, 1, 1, 4]
    with pytest.raises(SeriesError, match="no value in row 1;"):
        tidy(values, periods, gaps="refuse")
    with pytest.raises(SeriesError, match="no value for period 2, after row 1;"):
        tidy([7, 5], [3, 1], gaps="refuse")
    assert tidy([None, 2, None], gaps="carry").tolist() == [2, 2]


def test_the_same_row_twice_is_one_and_another_value_is_refused():
    assert tidy([1, 2, 2, 2, None, None], [1, 2, 2, 2, 3, 3]).tolist() == [1, 2]
    with pytest.raises(SeriesError, match="two values for period 2: 2 in row 1 and 5 in row 3; keep one"):
        tidy([1, 2, 3, 5], [1, 2, 3, 2])


@pytest.mark.parametrize("low", [0, -37.6])
def test_log_refuses_by_row_what_has_no_logarithm(low):
    """An oil price was negative in 2020."""
    with pytest.raises(SeriesError, match=rf"wti has {float(low)} in row 2, which has no logarithm.*'none'"):
        tidy([20, 18, low, 10], [1, 2, 4, 3], transform="log", name="wti")
    assert tidy([20, 18, low, 10]).tolist() == [20, 18, low, 10]


@pytest.mark.parametrize("value", ["abc", float("inf"), 1e301, [1], 10**400])
def test_what_is_no_number_is_refused_by_row(value):
    with pytest.raises(SeriesError, match="in row 1; give"):
        tidy([1, value, 3])


@pytest.mark.parametrize("values", [[], [None], [float("nan")] * 3])
def test_a_series_has_a_value(values):
    with pytest.raises(SeriesError, match="has no value; give at least one"):
        tidy(values)


def test_a_wrong_date_does_not_fill_the_memory_and_periods_fit_values():
    with pytest.raises(SeriesError, match="spans 10000001 periods"):
        tidy([1, 2], [0, 10**7], gaps="carry")
    with pytest.raises(SeriesError, match="2 values but 1 periods"):
        tidy([1, 2], [0])
    assert tidy(np.array([1.5]), np.array([0])).tolist() == [1.5]
