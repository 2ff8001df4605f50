"""What is no series is refused by row, with what to write instead."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import BadRowsError
from data.series.histories import histories
from tests.data.series.tables import DATE, NAME, PLACE, RETURN, SOLD, frame_of, table_of, tidied

DAYS = pd.date_range("2024-01-01", periods=40)


def problems_of(frame: pd.DataFrame, table) -> list[str]:
    with pytest.raises(BadRowsError) as caught:
        tidied(frame, table)
    return [str(problem) for problem in caught.value.problems]


def assert_refused(frame: pd.DataFrame, table, *expected: str) -> None:
    found = problems_of(frame, table)
    assert len(found) == len(expected)
    for problem, pattern in zip(found, expected, strict=True):
        assert re.search(pattern, problem), problem


@pytest.mark.parametrize("low", [0, -37.6])
def test_what_has_no_logarithm_is_refused(low):
    """An oil price was negative in 2020. Returns have none of it either; the value itself may be anything."""
    frame = frame_of(DAYS[:4], [20, 18, low, 10])

    assert_refused(frame, table_of(transform="log"), rf"^row 3, column 'sold': {float(low)} .*logarithm.*'none'")
    assert_refused(frame, table_of(NAME, DATE, RETURN), rf"^row 3, column 'sold': {float(low)} .*'return'")
    assert tidied(frame, table_of())[0].values.tolist() == [20, 18, low, 10]


def test_no_value_is_below_the_floor():
    frame = frame_of(DAYS[:3], [0, -0.5, 2])

    assert_refused(frame, table_of(floor=0), r"^row 2, column 'sold': -0.5 must not be below the floor of 0")
    assert tidied(frame, table_of(floor=-0.5))


def test_a_moment_has_one_value():
    """Both rows are named, whichever comes first; an equal one, or an empty one beside an empty one, counts once."""
    dates = ["2024-01-02", "2024-01-01", "2024-01-02", "2024-01-02", "2024-01-03", "2024-01-03"]
    frame = frame_of(dates, [2, 1, 2, 5, None, None])

    assert_refused(frame, table_of(), "^row 4, column 'sold': .* 'a' at 2024-01-02 has 5 here and 2 in row 3; keep one")
    assert tidied(frame.drop(index=3).reset_index(drop=True), table_of())[0].values.tolist() == [1, 2]
    both = frame_of(dates[:3], [None, 1, 2])
    assert_refused(both, table_of(), "^row 3, column 'sold': .* has 2 here and no value in row 1; keep one")
    other = pd.concat([frame, frame_of(dates[3:4], [7], name="b")], ignore_index=True).drop(index=3)
    assert len(tidied(other.reset_index(drop=True), table_of())) == 2


def test_a_place_has_one_value():
    frame = pd.DataFrame({"name": "a", "place": [2, 1, 2], "sold": [1, 2, 3]})

    assert_refused(
        frame,
        table_of(NAME, PLACE, SOLD, frequency="observations"),
        "^row 3, .*at position 2 has 3 here and 1 in row 1",
    )


@given(st.lists(st.sampled_from([1, 2, 7]), min_size=1, max_size=30))
def test_all_gaps_are_refused_where_the_table_says_so(steps):
    """Each once, before the row that follows it."""
    days = np.concatenate([[0], np.cumsum(steps)])
    frame = frame_of(pd.Timestamp("2024-01-01") + pd.to_timedelta(days, unit="D"), np.arange(len(days)))
    table, gaps = table_of(gaps="refuse"), [row + 2 for row, step in enumerate(steps) if step > 1]
    if "7777" in "".join(map(str, steps)):
        return  # a frequency of its own
    if not gaps:
        assert len(tidied(frame, table)[0]) == len(days)
        return

    found = problems_of(frame, table)

    assert [int(problem.split()[1].rstrip(",")) for problem in found] == gaps
    assert "lacks" in found[0]
    assert "gaps = 'keep' or 'carry'" in found[0]


def test_an_empty_cell_is_a_gap():
    frame = frame_of(DAYS[:3], [1, None, 3])

    assert_refused(frame, table_of(gaps="refuse"), "^row 2, column 'sold': must not be empty")
    assert tidied(frame, table_of(gaps="keep"))[0].values.tolist() == [1, 3]
    frame.loc[1, "sold"] = np.nan
    assert_refused_by_histories = histories  # rows that were checked by another table
    with pytest.raises(BadRowsError, match="row 2, column 'sold': the series 'a' at 2024-01-02 has no value"):
        assert_refused_by_histories(frame, table_of(gaps="refuse"), "shop.csv")


class TestFrequencies:
    def test_two_in_one_series_are_both_named(self):
        """Ten days and then months, among them those of another series."""
        months = pd.date_range("2024-02-01", periods=6, freq="MS")
        mixed = frame_of(DAYS[:10].append(months), np.arange(16))
        frame = pd.concat([frame_of(DAYS, 1.0, name="b"), mixed], ignore_index=True)
        other = r"; a series has one frequency: give two series, or write frequency = 'observations'$"

        assert_refused(
            frame,
            table_of(),
            "^row 52, column 'date': the series 'a' goes on by a month from row 51 to row 52, and by a day from row 41 "
            "to row 42" + other,
        )
        assert_refused(
            mixed, table_of(frequency="MS"), "^row 2, .*by a day from row 1 .*by a month from row 11 to row 12" + other
        )
        assert len(tidied(mixed, table_of(frequency="observations"))[0]) == 16

    @pytest.mark.parametrize(
        ("frequency", "step"),
        [("D", "7D"), ("B", "h"), ("W", "B"), ("W", "MS"), ("MS", "D"), ("MS", "QE"), ("QS", "ME"), ("YS", "QS")],
    )
    def test_another_than_the_tables_is_named(self, frequency, step):
        own = {"7D": "W", "h": "H", "B": "D", "ME": "MS", "QE": "QS"}.get(step, step)
        frame = frame_of(pd.date_range("2024-01-01", periods=30, freq=step), 1.0)

        assert_refused(frame, table_of(frequency=frequency), f"frequency = '{frequency}'; write frequency = '{own}'$")

    def test_weekends_are_no_weekdays(self):
        assert_refused(
            frame_of(DAYS[:7], 1.0), table_of(frequency="B"), "^row 6, .*2024-01-06' is a Saturday, .* frequency = 'D'"
        )

    def test_a_period_has_one_value(self):
        """Two days of one week, beside ordinary weeks."""
        fridays = pd.date_range("2024-01-05", periods=6, freq="7D")
        frame = frame_of([*fridays, pd.Timestamp("2024-02-08")], np.arange(7.0))

        assert_refused(
            frame, table_of(frequency="W"), "^row 6, column 'date': '2024-02-09' and 2024-02-08 in row 7 are two values"
        )

    @pytest.mark.parametrize("frequency", ["D", "B"])
    def test_gaps_are_no_frequency(self, frequency):
        """What is sold now and then is sold after a week, too; and a holiday comes now and then."""
        rng = np.random.default_rng(0)
        days = np.cumsum(rng.geometric(0.2, 2_000))
        dates = np.busday_offset("2010-01-04", days) if frequency == "B" else np.datetime64("1990-01-01") + days

        assert len(tidied(frame_of(dates, 1.0), table_of(frequency=frequency))[0]) == 2_000

    def test_four_weeks_among_many_are_chance(self):
        """A few in a row, of a series that is otherwise sold now and then."""
        days = np.cumsum([0, 7, 7, 7, 7, *([2, 7, 3] * 10)])

        assert len(tidied(frame_of(np.datetime64("2024-01-01") + days, 1.0), table_of())[0]) == len(days)

    def test_days_of_a_week_without_weekends_are_days(self):
        """Whatever the weekdays that are open."""
        days = [day for day in pd.date_range("2024-01-01", periods=60) if day.weekday() in (0, 2, 4)]

        assert_refused(frame_of(days, 1.0), table_of(frequency="MS"), "by a day from row 1 .*write frequency = 'D'$")

    def test_what_lies_between_two_series_is_no_step(self):
        """Neither a gap, nor one week more of a series that has three of them."""
        weeks = frame_of(pd.date_range("2024-02-05", periods=4, freq="7D"), 1.0, name="b")
        frame = pd.concat([frame_of(DAYS[:29], 1.0), weeks], ignore_index=True)
        days = pd.concat([frame_of(DAYS[:5], 1.0), frame_of(DAYS[10:15], 1.0, name="b")], ignore_index=True)

        assert [len(history) for history in tidied(frame, table_of())] == [29, 4]
        assert [len(history) for history in tidied(days, table_of(gaps="refuse"))] == [5, 5]

    def test_holidays_move_weeks(self):
        """A week's value may come a day early."""
        dates = pd.date_range("2024-01-05", periods=50, freq="7D").to_numpy().copy()
        dates[[7, 20, 33]] -= np.timedelta64(1, "D")

        assert len(tidied(frame_of(dates, 1.0), table_of(frequency="W", gaps="refuse"))[0]) == 50


def test_a_wrong_date_does_not_fill_the_memory():
    frame = frame_of(["1700-01-01", "2024-01-01 05:00"], [1, 2])

    assert_refused(frame, table_of(frequency="H", gaps="carry"), "^row 2, .*spans 2,[0-9,]+ periods from row 1 to this")
    assert len(tidied(frame, table_of(frequency="H", gaps="keep"))[0]) == 2


def test_values_leave_room_for_forecasts():
    assert_refused(frame_of(DAYS[:2], [1e301, 1]), table_of(), r"^row 1, .*1e\+301 must be a number from -1e\+300")


def test_every_series_without_values_is_named():
    frame = pd.concat([frame_of(DAYS[:2], None), frame_of(DAYS[:2], [1, 2], "b"), frame_of(DAYS[:1], None, "c")])

    assert_refused(
        frame.reset_index(drop=True),
        table_of(),
        "^row 1, column 'sold': the series 'a' has no value; give at least one number",
        "^row 5, column 'sold': the series 'c' has no value",
    )
