"""Files of series are described as such, in any shape, and ordinary tables are not."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.checking import checked_frame
from data.errors import TableError
from data.files.sources import read_frame
from data.inference.infer import infer_table
from data.inference.series import propose_series, series_question
from data.inference.wide import wide_file
from data.series.histories import histories
from data.simulators import ads, credit, forecast, fraud
from tests.data.inference.test_infer import TARGETS

DATA_HOME = os.environ.get("BACKSCORE_DATA_HOME")
PANDAS = {"H": "h", "D": "D", "B": "B", "W": "W-FRI", "MS": "MS", "QS": "QS", "YS": "YS"}
rng = np.random.default_rng(0)


def walk(n: int) -> np.ndarray:
    return 100 + rng.normal(size=n).cumsum().round(3)


def roles(table) -> dict[str, str]:
    return {column.role: column.name for column in table.columns if column.role != "ignore"}


@pytest.mark.parametrize("frequency", PANDAS)
def test_the_frequency_is_that_of_the_steps(frequency):
    """Of two series of one file, with a gap in each."""
    days = pd.date_range("1990-01-01", periods=60, freq=PANDAS[frequency]).delete([20, 41])
    frame = pd.concat([pd.DataFrame({"fund": name, "day": days, "price": walk(58)}) for name in ("a", "b")])

    proposal = propose_series(frame, name="funds")

    assert proposal.table.series is not None
    assert proposal.table.series.frequency == frequency
    assert roles(proposal.table) == {"series": "fund", "time": "day", "target": "price"}
    assert not proposal.is_melted


@pytest.mark.parametrize(("frequency", "season"), [("H", 24), ("D", 7), ("B", 5), ("MS", 12), ("QS", 4)])
def test_a_season_is_seen(frequency, season):
    """And where there is none, it is doubtful or left out."""
    n = 8 * season
    days = pd.date_range("2020-01-01", periods=n, freq=PANDAS[frequency])
    wave = 10 * np.sin(2 * np.pi * np.arange(n) / season) + walk(n)

    seen = propose_series(pd.DataFrame({"day": days, "sold": wave}), name="t")
    unseen = propose_series(pd.DataFrame({"day": days, "sold": walk(n)}), name="t")

    assert seen.table.series is not None and unseen.table.series is not None  # noqa: PT018
    assert seen.table.series.season == season
    assert not any("season" in doubt for doubt in seen.doubts)
    assert unseen.table.series.season == 1 or "not seen" in unseen.doubts[0]


def test_years_are_times_in_any_type():
    frame = pd.DataFrame({"year": [*range(1990, 2010)] * 2, "country": ["a"] * 20 + ["b"] * 20, "gdp": walk(40)})

    for given_frame in (frame, frame.astype(str)):
        table = propose_series(given_frame, name="t").table
        assert table.series is not None
        assert (table.series.frequency, table.series.horizon) == ("YS", 6)
        (first, _) = histories(checked_frame(table, given_frame, "t", training=True), table, "t")
        assert first.times is not None
        assert first.times[0] == np.datetime64("1990-01-01")


@given(st.lists(st.lists(st.none() | st.floats(-1e6, 1e6), min_size=9, max_size=9), min_size=2, max_size=4))
def test_both_wide_forms_melt_to_the_same_series(rows):
    """A column for each series, or a row; what is empty before and after a series is not of it."""
    names = [f"s{i}" for i in range(len(rows))]
    by_column = pd.DataFrame({name: pd.Series(row, dtype=float) for name, row in zip(names, rows, strict=True)})
    by_row = by_column.T.set_axis([f"V{i + 2}" for i in range(9)], axis=1).reset_index(names="V1")
    expected = {}
    for name, row in zip(names, rows, strict=True):
        known = [i for i, value in enumerate(row) if value is not None]
        if known:
            expected[name] = [(i, row[i]) for i in range(known[0], known[-1] + 1)]

    for frame in (by_column, by_row):
        wide = wide_file(frame)
        assert wide is not None
        found: dict[str, list] = {}
        for name, step, value in wide.melted().itertuples(index=False):
            found.setdefault(name, []).append((step, None if np.isnan(value) else value))
        assert found == expected


def test_dated_columns_and_rows_keep_their_times():
    months = pd.date_range("2020-01-01", periods=24, freq="MS")
    by_column = pd.DataFrame({"Month": months.strftime("%b %Y"), "oil": walk(24), "gas": walk(24)})
    by_row = by_column.set_index("Month").T.reset_index(names="name")

    for frame in (by_column, by_row):
        proposal = propose_series(frame, name="t")
        assert proposal.is_melted
        assert proposal.table.series is not None
        assert proposal.table.series.frequency == "MS"
        found = histories(checked_frame(proposal.table, proposal.frame, "t", training=True), proposal.table, "t")
        assert [(one.key, one.values.tolist()) for one in found] == [
            (name, by_column[name].tolist()) for name in ("oil", "gas")
        ]
        assert found[0].times is not None
        assert (found[0].times == months.to_numpy()).all()


def test_years_are_names_of_columns():
    frame = pd.DataFrame({"country": ["a", "b"], **{str(year): walk(2) for year in range(1990, 2000)}})

    table = propose_series(frame, name="t").table

    assert table.series is not None
    assert table.series.frequency == "YS"


def test_numbered_columns_that_skip_are_no_steps():
    """Beside a name they are answers, or measures."""
    frame = pd.DataFrame({"person": list("abc"), **{f"q{i}": walk(3) for i in (1, 2, 3, 5, 8, 9, 12)}})

    assert wide_file(frame) is None


def test_steps_of_no_frequency_are_observations():
    """Of which as many come after a day as after a year, and most after something else."""
    days = pd.Timestamp("2000-01-01") + pd.to_timedelta(np.cumsum([1, 12, 50, 366, 17] * 8), unit="D")

    proposal = propose_series(pd.DataFrame({"day": days, "x": walk(40)}), name="t")

    assert proposal.table.series is not None
    assert proposal.table.series.frequency == "observations"
    assert "only 21% of the steps are alike" in proposal.doubts[0]


def test_ids_of_rows_name_no_series():
    frame = pd.DataFrame({"day": ["2024-01-01"] * 20, "receipt": [f"r{i}" for i in range(20)], "x": walk(20)})

    with pytest.raises(TableError, match="no column tells their series apart"):
        propose_series(frame, name="t")


def test_doubts_come_first():
    """Two frequencies, and zeros that may stand for nothing."""
    days = pd.date_range("2024-01-01", periods=40).append(pd.date_range("2024-03-01", periods=10, freq="MS"))
    mixed = propose_series(pd.DataFrame({"day": days, "x": walk(50)}), name="t")
    zeros = propose_series(pd.DataFrame({"day": days[:40], "x": [*walk(38), 0, 0]}), name="t")

    assert mixed.table.series is not None
    assert mixed.table.series.frequency == "observations"
    assert "goes on by a month from row 41 to row 42, and by a day" in mixed.doubts[0]
    assert any("2 values are 0 and all others at least" in doubt for doubt in zeros.doubts)


def test_counts_have_a_floor():
    days = pd.date_range("2024-01-01", periods=40)
    table = propose_series(pd.DataFrame({"day": days, "x": rng.poisson(1, 40)}), name="t").table

    assert table.series is not None
    assert table.series.floor == 0


@pytest.mark.parametrize(
    ("columns", "target", "message"),
    [
        ({"day": ["2024-01-01"] * 3, "x": [1.5, 2, 3]}, None, "several rows have the same 'day', and no column tells"),
        ({"day": ["2024-01-01", "2024-01-02"], "x": ["a", "b"]}, None, "the file has no column of numbers"),
        ({"day": ["2024-01-01", "2024-01-02"], "x": ["a", "b"]}, "x", "the column 'x' holds no numbers"),
        (
            {"day": ["01/02/2024", "02/03/2024"], "x": [1.5, 2], "n": [1, 1]},
            "x",
            "the times in 'day' are in doubt: '01/",
        ),
        ({"x": [1, 2]}, "y", "the file has no column 'y'; it has x"),
        (
            {"d": ["2024-01-01", "2024-01-02"] * 2, "n": list("aabb"), "x": [1.5] * 4, "y": [2.5] * 4},
            None,
            r"2 columns of numb",
        ),
    ],
)
def test_what_is_no_file_of_series_is_told(columns, target, message):
    with pytest.raises(TableError, match=message):
        propose_series(pd.DataFrame(columns), name="t", target=target)


def test_ordinary_tables_are_not_taken_for_series():
    """Neither the simulated ones nor the public ones."""
    for simulator in (ads, credit, fraud):
        assert series_question(simulator.TABLE, simulator.simulate(500, 0).frame) == ""
    if DATA_HOME is None:
        return
    for file, target in TARGETS.items():
        frame = read_frame(Path(DATA_HOME, file))
        assert series_question(infer_table(frame, name="t", target=target), frame) == "", file


def test_a_table_of_rows_that_may_be_series_is_asked_about():
    days = pd.date_range("2020-01-01", periods=60, freq="MS")
    frame = pd.DataFrame({"day": days, "size": walk(60), "price": walk(60)})
    table = infer_table(frame, name="t", target="price")

    assert table.series is None
    assert series_question(table, frame) == (
        "the file has one value of 'price' for a month. To forecast what comes next, add --series"
    )


@pytest.mark.skipif(DATA_HOME is None, reason="needs the public files")
@pytest.mark.parametrize(
    ("file", "target", "n_series", "frequency", "melted"),
    [
        ("m4_weekly", None, 359, "observations", False),
        ("m3_finance_monthly", None, 145, "observations", False),
        ("exchange_rate", None, 8, "observations", True),
        ("sp500_daily_ohlc", "Close", 1, "B", False),
        ("sp500_monthly", "SP500", 1, "MS", False),
    ],
)
def test_public_files(file, target, n_series, frequency, melted):
    frame = read_frame(Path(str(DATA_HOME), "forecast", f"{file}.parquet"))

    proposal = propose_series(frame, name=file, target=target)

    assert proposal.table.series is not None
    assert (proposal.table.series.frequency, proposal.is_melted) == (frequency, melted)
    rows = checked_frame(proposal.table, proposal.frame, file, training=True)
    assert len(histories(rows, proposal.table, file)) == n_series


def test_the_simulated_market_is_described_as_its_table():
    table = propose_series(forecast.simulate(4_000, 0).frame, name="t").table

    assert roles(table) == {"series": "name", "time": "date", "target": "value"}
    assert table.series is not None
    assert table.series.frequency == "B"
