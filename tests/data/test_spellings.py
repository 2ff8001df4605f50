"""One spelling of a value, however a file or a request writes it."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from data.checking import check_frame
from data.column import Column, level_text
from data.files.sources import read_frame
from data.inference.infer import infer_table
from data.rows import row_adapter
from data.table import Table


def one_column(**described):
    return Table(name="one", columns=(Column(name="x", **described),))


def from_frame(table, cells):
    """The checked values of cells in a file, which must have no problems."""
    checked, problems = check_frame(table, pd.DataFrame({"x": cells}), training=False)
    assert problems == []
    return checked["x"].tolist()


def from_request(table, value):
    return level_text(row_adapter(table).validate_python({"x": value})["x"])


WHOLE = one_column(kind="category", levels=("1", "2", "3", "4"), optional=True)
ZIPS = one_column(kind="category", levels=("01", "02", "1"), optional=True)
MANY = one_column(kind="key", whole=True, optional=True)


class TestLevels:
    @pytest.mark.parametrize("spelled", ["1", "1.0", "1.00", "01", 1, 1.0, np.int8(1), np.float32(1)])
    @pytest.mark.parametrize("table", [WHOLE, MANY], ids=["listed", "key"])
    def test_of_whole_numbers_have_one_spelling(self, table, spelled):
        """Pandas writes codes as floats as soon as one cell is empty, and other programs pad them."""
        assert from_frame(table, pd.Series([spelled], dtype=object)) == ["1"]
        if not isinstance(spelled, np.generic):
            assert from_request(table, spelled) == "1"

    @pytest.mark.parametrize(("spelled", "level"), [("01", "01"), ("1", "1"), ("1.0", "1"), (1.0, "1"), ("A10", "A10")])
    def test_with_leading_zeros_keep_them(self, spelled, level):
        """01 and 1 are two ZIP areas where the table lists both."""
        assert from_frame(ZIPS, [spelled]) == [level]
        assert from_request(ZIPS, spelled) == level

    @pytest.mark.parametrize("text", ["10", "-10", "1.10", "0.50", "v1.0", "1.0.0", "1.0e3", "٣.0"])
    def test_that_are_no_whole_numbers_stay(self, text):
        """Only whole numbers that were written as floats are respelled."""
        assert level_text(text) == text

    def test_of_a_file_with_one_empty_cell_are_those_of_training(self, tmp_path):
        """A category 1..4 beside an empty cell is 1.0..4.0 in the CSV that pandas writes."""
        codes = pd.Series([1, 2, 3, 4] * 30)
        train = pd.DataFrame({"x": codes, "y": [0, 1] * 60})
        table = infer_table(train, name="t", target="y").with_columns({"x": {"kind": "category", "whole": False}})
        holed = codes.astype(float)
        holed[7] = np.nan
        holed.to_frame("x").to_csv(tmp_path / "new.csv", index=False)
        assert "1.0" in (tmp_path / "new.csv").read_text()

        table = table.with_columns({"x": {"optional": True, "levels": ("1", "2", "3", "4")}})
        checked, problems = check_frame(table, read_frame(tmp_path / "new.csv"), training=False)

        assert problems == []
        assert checked["x"].drop(7).tolist() == [str(code) for code in codes.drop(7)]


FALSE = [0, 0.0, False, "0", "0.0", "no", "No", "NO", "N", "n", "false", "False", "FALSE", "F", "f", "off"]
TRUE = [1, 1.0, True, "1", "1.0", "yes", "Yes", "YES", "Y", "y", "true", "True", "TRUE", "T", "t", "on"]


class TestFlags:
    @pytest.mark.parametrize("levels", [(), ("no", "yes"), ("N", "Y"), ("False", "True"), ("0", "1"), ("good", "bad")])
    @pytest.mark.parametrize(("spelled", "number"), [*((one, 0) for one in FALSE), *((one, 1) for one in TRUE)])
    def test_are_read_alike_in_files_requests_and_targets(self, levels, spelled, number):
        """Whatever the levels of the table, the usual words mean what they say."""
        table = one_column(kind="flag", levels=levels)
        target = Table(
            name="t",
            columns=(Column(name="a", kind="number"), Column(name="x", kind="flag", role="target", levels=levels)),
        )
        other = "1" if number == 0 else "0"
        frame = pd.DataFrame({"a": [1.0, 2.0], "x": pd.Series([spelled, other], dtype=object)})

        assert table["x"].flag_values[from_frame(table, pd.Series([spelled], dtype=object))[0]] == number
        assert table["x"].flag_values[from_request(table, spelled)] == number
        checked, problems = check_frame(target, frame, training=True)
        assert problems == []
        assert target.labels(checked).tolist() == [number, 1 - number]

    @pytest.mark.parametrize("levels", [("1", "2"), ("M", "F"), ("yes", "no")])
    @pytest.mark.parametrize("spelled", [True, 0, "false", "t"])
    def test_with_levels_that_contradict_the_words_accept_only_them(self, levels, spelled):
        """Of M and F, F is the true one: f cannot mean false."""
        table = one_column(kind="flag", levels=levels)
        _, problems = check_frame(table, pd.DataFrame({"x": pd.Series([spelled], dtype=object)}), training=False)

        assert len(problems) == 1

    @pytest.mark.parametrize("rare", [0.0, 1.0])
    def test_of_floats_are_inferred_the_right_way_round(self, rare):
        """The event is 1, also where most rows are 1."""
        frame = pd.DataFrame({"x": np.arange(200.0) ** 2, "y": [rare if i % 5 == 0 else 1 - rare for i in range(200)]})

        for read in (frame, pd.read_csv(io.StringIO(frame.to_csv(index=False)), dtype=str)):
            target = infer_table(read, name="t", target="y").target
            assert (target.kind, target.positive) == ("flag", "1")


MOMENT = datetime(2026, 12, 3, tzinfo=UTC)


class TestTimes:
    @pytest.mark.parametrize(
        ("form", "texts"),
        [
            ("%d/%m/%Y", ["25/12/2026", "03/12/2026"]),
            ("%m/%d/%Y", ["12/25/2026", "12/03/2026"]),
            ("%d/%m/%y", ["25/12/26", "03/12/26"]),
            ("%d.%m.%Y", ["01.12.2026", "03.12.2026"]),
            ("%d-%b-%y", ["01-Dec-26", "03-Dec-26"]),
            ("%d/%m/%Y %I:%M %p", ["25/12/2026 05:30 PM", "03/12/2026 12:00 AM"]),
            (None, ["2026-12-25", "2026-12-03T00:00:00Z"]),
        ],
    )
    def test_of_a_column_are_read_by_the_format_that_all_of_them_fit(self, form, texts):
        """One day beyond the twelfth decides the others; then a file and a request of early days are read alike."""
        frame = pd.DataFrame({"x": texts * 20, "a": np.arange(40.0) ** 2, "y": [0, 1, 1, 0] * 10})
        table = infer_table(frame, name="t", target="y")

        assert (table["x"].kind, table["x"].format) == ("time", form)
        alone = Table(name="one", columns=(replace(table["x"], role="feature"),))
        assert [one.replace(tzinfo=UTC) for one in from_frame(alone, texts[1:])] == [MOMENT]
        assert row_adapter(alone).validate_python({"x": texts[1]})["x"].replace(tzinfo=UTC) == MOMENT
        assert from_frame(alone, ["2026-12-03"]) == [MOMENT.replace(tzinfo=None)]

    def test_of_months_are_their_first_days(self):
        """Dec-2011, as lenders write it."""
        table = one_column(kind="time", format="%b-%Y")

        assert from_frame(table, ["Dec-2011"]) == [pd.Timestamp("2011-12-01")]

    @pytest.mark.parametrize(
        ("form", "number"),
        [("epoch seconds", 1_796_256_000), ("epoch milliseconds", 1_796_256_000_000), ("excel days", 46_359)],
    )
    @pytest.mark.parametrize("kind", [int, float, str])
    def test_written_as_numbers_are_found_by_name_and_size(self, form, number, kind):
        """A number in a column of dates is a time where it is one of our days."""
        spread = {"epoch seconds": 3600, "epoch milliseconds": 3_600_000, "excel days": 1}[form]
        frame = pd.DataFrame({"paid_date": [kind(number + i * spread) for i in range(40)], "y": [0, 1, 1, 0] * 10})
        table = infer_table(frame.assign(a=np.arange(40.0) ** 2), name="t", target="y")

        column = replace(table["paid_date"], role="feature")
        assert (column.kind, column.format) == ("time", form)
        checked, problems = check_frame(Table(name="one", columns=(column,)), frame, training=False)
        assert problems == []
        assert checked["paid_date"][0] == MOMENT.replace(tzinfo=None)
        row = row_adapter(Table(name="one", columns=(column,))).validate_python({"paid_date": kind(number)})
        assert row["paid_date"].replace(tzinfo=UTC) == MOMENT

    @pytest.mark.parametrize(
        ("texts", "readings"),
        [
            (["03/04/2026", "01/02/2026"], ["3 April 2026 as '%d/%m/%Y'", "4 March 2026 as '%m/%d/%Y'"]),
            (["05/05/2026", "06/06/2026"], ["'%d/%m/%Y'", "'%m/%d/%Y'"]),
            (["25/12/2026", "12/25/2026"], ["'25/12/2026' is read by '%d/%m/%Y'", "'12/25/2026' only by '%m/%d/%Y'"]),
        ],
    )
    def test_in_doubt_are_refused_with_both_readings(self, texts, readings):
        """Training, scoring and inference say what the two readings are, and what to write."""
        frame = pd.DataFrame({"x": texts * 20, "a": np.arange(40.0) ** 2, "y": [0, 1, 1, 0] * 10})
        inferred = infer_table(frame, name="t", target="y")
        assert inferred["x"].role == "ignore"
        table = inferred.with_columns({"x": {"kind": "time", "role": "feature"}})
        _, trained = check_frame(table, frame, training=True)
        _, scored = check_frame(table, frame, training=False)

        assert [problem.row for problem in trained] == [0]
        assert len(scored) == 40
        for text in (inferred["x"].description, str(trained[0]), str(scored[0])):
            assert all(reading in text for reading in readings)
        assert "format = '...'" in str(trained[0])

    @pytest.mark.parametrize("form", ["%H:%M", "%d/%m", "dd/mm/yyyy", "epoch"])
    def test_a_format_without_a_date_is_refused(self, form):
        """The error says what a format looks like."""
        with pytest.raises(Exception, match="strptime"):
            one_column(kind="time", format=form)
