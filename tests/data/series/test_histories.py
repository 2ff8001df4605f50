"""Rows as they are become one history of each series."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.column import Column
from data.errors import BadRowsError, TableError
from data.series.histories import histories, history_of
from data.simulators import credit
from tests.data.series.tables import DATE, NAME, PLACE, SOLD, frame_of, table_of, tidied

START = pd.Timestamp("2024-02-20")
OBSERVED = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 60), st.none() | st.floats(-1e9, 1e9)),
    min_size=1,
    unique_by=lambda row: row[:2],
)


def rows_of(observed) -> pd.DataFrame:
    keys, days, values = zip(*observed, strict=True)
    dates = [(START + pd.Timedelta(days=day)).isoformat() for day in days]
    return pd.DataFrame({"name": keys, "date": dates, "sold": np.array(values, float)})


@pytest.mark.parametrize("gaps", ["keep", "carry"])
@given(OBSERVED)
def test_histories_are_those_of_a_plain_loop(gaps, observed):
    """Sorted, each series apart, in the order of first rows; gaps are left out, or filled with the value before."""
    if any(all(value is None for name, _, value in observed if name == key) for key, _, _ in observed):
        with pytest.raises(BadRowsError, match="has no value; give at least one number"):
            tidied(rows_of(observed), table_of(gaps=gaps))
        return
    found = tidied(rows_of(observed), table_of(gaps=gaps))

    assert [history.key for history in found] == list(dict.fromkeys(key for key, _, _ in observed))
    for history in found:
        own = {day: value for key, day, value in observed if key == history.key}
        expected, newest = {}, None
        for day in range(min(own), max(own) + 1):
            value = own.get(day)
            newest = newest if value is None else value
            if newest is not None and (gaps == "carry" or value is not None):
                expected[START + pd.Timedelta(days=day)] = newest
        assert history.values.tolist() == list(expected.values())
        assert history.times is not None
        assert [pd.Timestamp(time) for time in history.times] == list(expected)


@given(OBSERVED, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_their_repetition_change_nothing(observed, random):
    """A file that was sent twice, its rows mixed."""
    present = [row for row in observed if row[2] is not None] or [("a", 0, 1.0)]
    mixed = present + random.sample(present, len(present))
    random.shuffle(mixed)

    found = {history.key: history for history in tidied(rows_of(mixed), table_of())}

    for history in tidied(rows_of(present), table_of()):
        assert found[history.key].values.tolist() == history.values.tolist()
        assert (found[history.key].times == history.times).all()


def test_trading_days_have_no_weekends():
    """Neither are they invented, nor is a holiday a day without change."""
    days = pd.bdate_range("2024-03-25", "2024-04-05").drop("2024-03-29")
    frame = frame_of(days, np.arange(9.0))

    for frequency in ("B", "D", "observations"):
        (history,) = tidied(frame, table_of(frequency=frequency))
        assert history.values.tolist() == list(range(9))
        assert (history.times == days.to_numpy()).all()
    (carried,) = tidied(frame, table_of(frequency="B", gaps="carry"))
    assert len(carried) == 10
    assert carried.values[:6].tolist() == [0, 1, 2, 3, 3, 4]


def test_one_value_and_a_constant_are_series():
    assert tidied(frame_of(["2024-01-01"], [5]), table_of())[0].values.tolist() == [5]
    assert tidied(frame_of(["2024-01-01", "2024-01-02"], [5, 5]), table_of())[0].values.tolist() == [5, 5]


def test_a_million_values_are_sorted():
    """Hours of a century, backwards."""
    hours = pd.date_range("1950-01-01", periods=10**6, freq="h")[::-1]
    frame = frame_of(hours, np.arange(10**6, dtype=float))

    (history,) = tidied(frame, table_of(frequency="H", season=24))

    assert (np.diff(history.values) == -1).all()
    assert history.times is not None
    assert (np.diff(history.times) == np.timedelta64(1, "h")).all()


def test_positions_order_values_without_times():
    """As in the files of competitions; with neither, the order is that of the file."""
    frame = pd.DataFrame({"name": list("aabab"), "place": ["3", "1", "10", "4", "9"], "sold": [3.5, 1, 20, None, 10]})

    by_place = tidied(frame, table_of(NAME, PLACE, SOLD, frequency="observations", gaps="carry"))
    by_row = tidied(frame, table_of(NAME, SOLD, frequency="observations"))

    assert [(one.key, one.values.tolist(), one.times) for one in by_place] == [
        ("a", [1, 1, 3.5, 3.5], None),
        ("b", [10, 20], None),
    ]
    assert [one.values.tolist() for one in by_row] == [[3.5, 1], [20, 10]]


def test_codes_for_no_value_are_gaps():
    """A zero that stands for an unknown price, and a dot as central banks write it."""
    codes = Column(name="sold", kind="number", role="target", missing=(0, "."))
    frame = frame_of(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"], ["2.5", "0.0", ".", "3"])

    (history,) = tidied(frame, table_of(NAME, DATE, codes, transform="log", gaps="carry"))

    assert history.values.tolist() == [2.5, 2.5, 2.5, 3]


def test_a_file_of_one_series_needs_no_name():
    frame = frame_of(["2024-01-02", "2024-01-01"], [2, 1]).drop(columns="name")

    (history,) = tidied(frame, table_of(DATE, SOLD))

    assert (history.key, history.values.tolist()) == ("", [1, 2])


class TestOneSeriesOfARequest:
    @given(st.lists(st.none() | st.floats(-1e9, 1e9), min_size=1))
    def test_values_in_order_need_no_times(self, values):
        """Whatever the frequency of the table."""
        expected = [value for value in values if value is not None]
        if not expected:
            with pytest.raises(BadRowsError, match="the series has no value"):
                history_of(values, None, table_of(), "the body")
            return

        history = history_of(values, None, table_of(), "the body", key="wti")

        assert (history.key, history.values.tolist(), history.times) == ("wti", expected, None)

    def test_times_sort_and_fill(self):
        history = history_of([3, 1], ["2024-01-04", "2024-01-02"], table_of(gaps="carry"), "the body")

        assert history.values.tolist() == [1, 1, 3]
        assert history.times is not None
        assert history.times.astype("datetime64[D]").astype(str).tolist() == ["2024-01-02", "2024-01-03", "2024-01-04"]

    @pytest.mark.parametrize("value", ["abc", float("inf"), -1e301, [1], 10**400, True])
    def test_what_is_no_number_is_refused_by_place(self, value):
        with pytest.raises(BadRowsError, match=r"^the body: 1 bad value\(s\)\n  row 2, .* must be a number"):
            history_of([1, value, 3], None, table_of(), "the body")

    @pytest.mark.parametrize("values", [[], [None], [float("nan")] * 3])
    def test_there_is_a_value(self, values):
        with pytest.raises(BadRowsError, match=r"has no (rows|value)"):
            history_of(values, None, table_of(), "the body")

    def test_times_fit_values_and_table(self):
        with pytest.raises(BadRowsError, match="1 times for 2 values"):
            history_of([1, 2], ["2024-01-01"], table_of(), "the body")
        with pytest.raises(TableError, match="has no times; leave them out"):
            history_of([1], ["2024-01-01"], table_of(NAME, SOLD, frequency="observations"), "the body")


def test_a_table_of_rows_has_no_histories():
    with pytest.raises(TableError, match=r"table 'credit_simulated' has no \[series\]; add it with a horizon"):
        histories(pd.DataFrame(), credit.TABLE, "rows")
