from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.checking import check_frame, checked_frame, unknown_columns
from data.column import Column, level_text
from data.errors import BadRowsError
from data.table import Table
from tests.data.strategies import good_values, tables

TARGET = Column(name="y", kind="flag", role="target")


def one_column(**described: Any) -> Table:
    """A table of one column x."""
    return Table(name="one", columns=(Column(name="x", **described),))


def check_cells(cells: Any, *, training: bool = False, **described: Any) -> tuple[list[Any], list[str]]:
    """The checked cells of one column x, and its problems in words."""
    columns = (Column(name="x", **described), TARGET) if training else (Column(name="x", **described),)
    frame = pd.DataFrame({"x": cells})
    if training:
        frame["y"] = np.arange(len(frame)) % 2
    checked, problems = check_frame(Table(name="t", columns=columns), frame, training=training)
    return checked["x"].tolist(), [str(problem) for problem in problems]


class TestNumbers:
    @pytest.mark.parametrize("dtype", [object, "str", "int8", "int64", "Int64", "float32", "category"])
    def test_of_any_storage_become_floats(self, dtype):
        """Text of a CSV and every type of a parquet file are one."""
        cells = pd.Series(["3", "17", "-2"] if dtype == "str" else [3, 17, -2], dtype=dtype)

        checked, problems = check_frame(one_column(kind="number"), pd.DataFrame({"x": cells}), training=False)

        assert checked["x"].dtype == np.float64
        assert checked["x"].tolist() == [3.0, 17.0, -2.0]
        assert problems == []

    @given(
        cells=st.lists(
            st.one_of(
                st.none(),
                st.integers(-20, 20),
                st.floats(-20, 20),
                st.sampled_from(["abc", "", "  ", "-1", "5", "2.5", "unknown", "nan", "inf", "0x10", np.inf, True]),
            ),
            max_size=20,
        ),
        minimum=st.sampled_from([None, 0.0]),
        maximum=st.sampled_from([None, 10.0]),
        whole=st.booleans(),
        optional=st.booleans(),
    )
    def test_rules_are_those_of_a_check_cell_by_cell(self, cells, minimum, maximum, whole, optional):
        """The vectorised check finds what a plain loop over the cells finds."""
        described = {"minimum": minimum, "maximum": maximum, "whole": whole, "optional": optional}

        def breaks_a_rule(cell: Any) -> bool:
            if cell is None or (isinstance(cell, str) and not cell.strip()):
                return not optional
            if isinstance(cell, bool) or cell in ("abc", "nan", "inf", "0x10"):
                return True
            if cell == "unknown" or float(cell) in (-1.0, 99.0):
                return False
            number = float(cell)
            too_low = minimum is not None and number < minimum
            too_high = maximum is not None and number > maximum
            return too_low or too_high or not np.isfinite(number) or (whole and not number.is_integer())

        # pandas takes True for the same object as 1 where both stand in one column; no file has both
        cells = [cell for cell in cells if cell is True or cell != 1]
        frame = pd.DataFrame({"x": pd.Series(cells, dtype=object)})
        table = one_column(kind="number", missing=(-1, 99, "unknown"), **described)

        _, problems = check_frame(table, frame, training=False)

        assert [problem.row for problem in problems] == [i + 1 for i, cell in enumerate(cells) if breaks_a_rule(cell)]

    def test_codes_stay_and_gaps_are_nan(self):
        """A numeric code is left to the encoder; text codes and empty cells are NaN."""
        cells, problems = check_cells(
            [-1, "unknown", None, "7"], kind="number", minimum=0, missing=(-1, "unknown"), optional=True
        )

        np.testing.assert_array_equal(cells, [-1.0, np.nan, np.nan, 7.0])
        assert problems == []

    def test_a_bad_value_is_named_with_row_value_and_rule(self):
        """The sentence tells where, what, and what is allowed."""
        _, problems = check_cells(["1", "abc", "-5", None], kind="number", minimum=0, maximum=9)

        assert problems == [
            "row 2, column 'x': 'abc' must be a number from 0 to 9",
            "row 3, column 'x': '-5' must be a number from 0 to 9",
            "row 4, column 'x': must not be empty; it must be a number from 0 to 9",
        ]

    @pytest.mark.parametrize("cells", [[True, False], pd.to_datetime(["2024-01-01", "2024-01-02"]), [1 + 2j, 2 + 0j]])
    def test_what_is_no_number_by_type_is_refused(self, cells):
        """Pandas would take truth values and times for numbers."""
        _, problems = check_cells(cells, kind="number")

        assert len(problems) == 2


class TestCategoriesKeysAndFlags:
    @given(st.lists(st.sampled_from([1, 1.0, "1", "b", 2.5, None, "", 0, "0"]), max_size=12), st.booleans())
    def test_cells_are_canonical_text_or_none(self, cells, optional):
        """Each cell becomes the level that `level_text` says; empty ones None."""
        frame = pd.DataFrame({"x": pd.Series(cells, dtype=object)})

        checked, problems = check_frame(one_column(kind="category", optional=optional), frame, training=False)

        assert checked["x"].dtype == object
        assert checked["x"].tolist() == [None if cell in (None, "") else level_text(cell) for cell in cells]
        assert len(problems) == (0 if optional else sum(cell in (None, "") for cell in cells))

    def test_ids_with_gaps_keep_their_digits(self):
        """A gap does not turn an id into a float."""
        ids = pd.Series([2**60 + 1, None], dtype="Int64")

        assert check_cells(ids, kind="key", optional=True) == ([str(2**60 + 1), None], [])

    def test_new_levels_are_bad_in_training_only(self):
        """Training fails on a typing error; scoring answers what it does not know."""
        described = {"kind": "category", "levels": ("a", "b"), "missing": ("?",)}

        assert check_cells(["a", "?", "c"], **described) == (["a", "?", "c"], [])
        _, problems = check_cells(["a", "?", "c"], training=True, **described)
        assert problems == ["row 3, column 'x': 'c' must be one of a, b, or ? for unknown"]

    def test_texts_that_no_request_may_hold_are_bad(self):
        """Files and requests have the same longest level."""
        _, problems = check_cells(["a", "x" * 201], kind="key")

        assert len(problems) == 1
        assert problems[0].endswith("must be an id of at most 200 characters")

    @pytest.mark.parametrize(
        ("levels", "cells", "read"),
        [
            ((), [True, False], ["1", "0"]),
            ((), ["True", "false"], ["1", "0"]),
            ((), [1, 0.0], ["1", "0"]),
            (("no", "yes"), ["yes", "no"], ["yes", "no"]),
            (("no", "yes"), [True, False], ["yes", "no"]),
            (("1", "2"), [1.0, 2.0], ["1", "2"]),
            (("false", "true"), [False, True], ["false", "true"]),
        ],
    )
    def test_flags_become_a_key_of_their_values(self, levels, cells, read):
        """The two spellings of a flag are found in whatever a file holds."""
        assert check_cells(cells, kind="flag", levels=levels) == (read, [])

    @pytest.mark.parametrize(
        ("levels", "cell"),
        [((), "maybe"), ((), 2), (("no", "yes"), "x"), (("1", "2"), True), (("M", "F"), "t")],
    )
    def test_other_values_of_a_flag_are_bad(self, levels, cell):
        """Nothing is guessed: a true is neither the 1 nor the 2 of sex."""
        _, problems = check_cells([cell], kind="flag", levels=levels)

        assert len(problems) == 1

    def test_a_flag_that_is_the_target_is_spelled_like_its_positive_value(self):
        """Otherwise the labels would all be 0."""
        table = Table(
            name="t",
            columns=(Column(name="x", kind="number"), Column(name="y", kind="flag", role="target", positive="true")),
        )

        checked, problems = check_frame(table, pd.DataFrame({"x": [1, 2], "y": [True, False]}), training=True)

        assert problems == []
        assert table.labels(checked).tolist() == [1, 0]


class TestTimes:
    @pytest.mark.parametrize(
        "cells",
        [
            ["2024-05-03T10:00:00", "2024-05-31T13:45:00"],
            ["2024-05-03T12:00:00+02:00", "2024-05-31 13:45:00Z"],
            ["03/05/2024 10:00", "31/05/2024 13:45"],
            ["05/03/2024 10:00", "05/31/2024 13:45"],
            ["03.05.2024 10:00:00", "31.05.2024 13:45:00"],
            ["3-May-2024 10:00", "31-May-2024 13:45"],
            pd.to_datetime(["2024-05-03 10:00", "2024-05-31 13:45"]),
            pd.to_datetime(["2024-05-03 10:00", "2024-05-31 13:45"]).tz_localize("UTC").tz_convert("Asia/Tokyo"),
            pd.to_datetime(["2024-05-03 10:00", "2024-05-31 13:45"]).as_unit("s"),
        ],
    )
    def test_are_read_as_moments_in_utc(self, cells):
        """Times of any storage, and dates that can be read in one way only, are one."""
        checked, problems = check_frame(one_column(kind="time"), pd.DataFrame({"x": cells}), training=False)

        assert checked["x"].dtype == "datetime64[us]"
        assert checked["x"].tolist() == [pd.Timestamp("2024-05-03 10:00"), pd.Timestamp("2024-05-31 13:45")]
        assert problems == []

    @pytest.mark.parametrize("cell", ["yesterday", "2024-02-30", 20240105, "20240105", "9999-12-31"])
    def test_what_could_be_no_or_two_moments_is_bad(self, cell):
        """Day and month are not swapped by a guess, and numbers are no times."""
        _, problems = check_cells([cell], kind="time")

        assert problems == [f"row 1, column 'x': {cell!r} must be a date or time (ISO 8601)"]

    def test_a_date_that_could_be_two_days_is_refused_with_both(self):
        """Day and month are not swapped by a guess."""
        _, problems = check_cells(["03/04/2024"], kind="time")

        (problem,) = problems
        assert problem.startswith("row 1, column 'x': '03/04/2024' must be a date or time (ISO 8601): ")
        assert "3 April 2024 as '%d/%m/%Y' and 4 March 2024 as '%m/%d/%Y'" in problem

    def test_one_bad_date_among_many_is_the_one_that_is_named(self):
        """The column's format is that of nearly all of its values."""
        cells = [f"{day}/05/2024" for day in range(1, 32)] + ["31/06/2024"]

        _, problems = check_cells(cells, kind="time")

        assert problems == ["row 32, column 'x': '31/06/2024' must be a date or time (ISO 8601)"]

    def test_codes_and_gaps_are_not_a_time(self):
        """A code is no problem, an empty cell is one unless the column is optional."""
        cells, problems = check_cells(["never", None, "2024-01-01"], kind="time", missing=("never",))

        assert pd.isna(cells[:2]).all()
        assert [problem.split(":")[0] for problem in problems] == ["row 2, column 'x'"]


class TestColumns:
    TABLE = Table(
        name="t",
        columns=(
            Column(name="id", kind="key", role="ignore"),
            Column(name="sex", kind="flag", role="ignore", protected=True),
            Column(name="x", kind="number"),
            Column(name="z", kind="category", optional=True),
            TARGET,
            Column(name="w", kind="number", role="weight"),
        ),
    )

    def test_used_ones_come_in_table_order(self):
        """Ignored columns go, protected ones stay in training to be reported on; what is no input is not scored."""
        frame = pd.DataFrame({"w": [1, 2], "y": [0, 1], "z": ["a", "b"], "x": [1, 2], "sex": [0, 1], "id": [1, 2]})

        training, problems = check_frame(self.TABLE, frame, training=True)
        scoring, _ = check_frame(self.TABLE, frame, training=False)

        assert problems == []
        assert training.columns.tolist() == ["sex", "x", "z", "y", "w"]
        assert scoring.columns.tolist() == ["x", "z"]

    def test_scoring_needs_neither_target_nor_weight_nor_optional_columns(self):
        """What a request may leave out, a file may too; it is then empty."""
        checked, problems = check_frame(self.TABLE, pd.DataFrame({"x": [1.0], "y": ["?"]}), training=False)

        assert problems == []
        assert checked.to_dict("list") == {"x": [1.0], "z": [None]}

    def test_propensities_are_probabilities_that_history_has_and_a_request_has_not(self):
        """Above 0 and at most 1 in every row of a training file, whatever bounds the column has."""
        table = Table(
            name="t",
            columns=(
                Column(name="x", kind="number"),
                TARGET,
                Column(name="p", kind="number", role="propensity", optional=True),
            ),
        )
        frame = pd.DataFrame({"x": range(5), "y": [0, 1, 0, 1, 0], "p": [0.5, 1, 0, 1.01, None]})

        training, problems = check_frame(table, frame, training=True)
        scoring, _ = check_frame(table, frame, training=False)

        rule = "must be a number above 0, at most 1, or empty"
        assert [str(problem) for problem in problems] == [
            f"row 3, column 'p': 0.0 {rule}",
            f"row 4, column 'p': 1.01 {rule}",
            "row 5, column 'p': must not be empty; it must be a number above 0, at most 1",
        ]
        assert training["p"].tolist()[:2] == [0.5, 1.0]
        assert scoring.columns.tolist() == ["x"]
        assert [column.name for column in table.inputs] == ["x"]
        assert table.propensity is table["p"]

    def test_absent_ones_are_named_with_those_there_are(self):
        """In training every used column must be there."""
        _, problems = check_frame(self.TABLE, pd.DataFrame({"X": [1, 2], "z": ["a", "b"]}), training=True)

        assert [str(problem) for problem in problems] == [
            f"column {name!r}: the file has no such column; it has X, z" for name in ("x", "y", "w")
        ]

    def test_doubled_ones_are_refused(self):
        """It is not known which of the two is meant."""
        frame = pd.DataFrame([[1, 2]], columns=["x", "x"])

        _, problems = check_frame(one_column(kind="number"), frame, training=False)

        assert [str(problem) for problem in problems] == ["column 'x': the file has 2 columns of this name"]

    def test_unknown_ones_are_listed(self):
        """The caller can tell the user what is not used."""
        assert unknown_columns(self.TABLE, pd.DataFrame(columns=["x", "note", "id"])) == ["note"]


class TestTargets:
    @pytest.mark.parametrize(
        ("described", "cells", "rule"),
        [
            ({"kind": "flag"}, [1, 1], "every row holds '1'"),
            ({"kind": "category"}, ["bad", "bad"], "every row holds 'bad'"),
            ({"kind": "category", "positive": "bad"}, ["good", "fine"], "no row holds 'bad'"),
            ({"kind": "number", "positive": "1"}, [0.0, 2.0], "no row holds '1'"),
            ({"kind": "number"}, [2.0, 2.0], "every row holds '2'"),
            ({"kind": "flag"}, [], "the file has no rows"),
        ],
    )
    def test_that_teach_nothing_are_refused(self, described, cells, rule):
        """A target of one class is found before anything is trained."""
        table = Table(name="t", columns=(Column(name="x", kind="number"), Column(name="y", role="target", **described)))

        _, problems = check_frame(table, pd.DataFrame({"x": np.arange(len(cells)), "y": cells}), training=True)

        assert [problem.row for problem in problems] == [0]
        assert rule in str(problems[0])

    def test_must_be_there_in_every_row_even_if_optional(self):
        """A row without an outcome teaches nothing."""
        table = Table(
            name="t",
            columns=(Column(name="x", kind="number"), Column(name="y", kind="flag", role="target", optional=True)),
        )

        _, problems = check_frame(table, pd.DataFrame({"x": [1, 2, 3], "y": [0, 1, None]}), training=True)

        assert [str(p) for p in problems] == ["row 3, column 'y': must not be empty; it must be true or false"]


class TestFrames:
    @given(tables(), st.data())
    def test_hold_what_single_requests_may_hold(self, table, data):
        """A file of rows that would each be accepted as a request has no problem."""
        rows = [{c.name: data.draw(good_values(c)) for c in table.columns} for _ in range(data.draw(st.integers(1, 4)))]
        # the texts of a column speak one date format, and cells of blanks are empty, which a request is not held to
        rows = [row for row in rows if all(not isinstance(v, str) or v.strip() for v in row.values())]
        frame = pd.DataFrame({c.name: pd.Series([row[c.name] for row in rows], dtype=object) for c in table.columns})

        checked, problems = check_frame(table, frame, training=False)

        assert problems == []
        assert checked.columns.tolist() == table.column_names

    def test_keep_their_index_and_count_rows_through_the_file(self):
        """A chunk's problems carry the row numbers of the file."""
        frame = pd.DataFrame({"x": [1, -1]}, index=pd.RangeIndex(1000, 1002))

        checked, problems = check_frame(one_column(kind="number", minimum=0), frame, training=False)

        assert checked.index.tolist() == [1000, 1001]
        assert [problem.row for problem in problems] == [1002]

    def test_with_problems_raise_an_error_that_holds_all_of_them(self):
        """The text shows the first ones, `problems` has every one, in the order of rows."""
        table = Table(name="t", columns=(Column(name="a", kind="number"), Column(name="b", kind="time")))
        frame = pd.DataFrame({"a": ["x"] * 30, "b": ["y"] * 30})

        with pytest.raises(BadRowsError, match=r"loans\.csv: 60 bad value") as caught:
            checked_frame(table, frame, "loans.csv", training=False)

        places = [(problem.row, problem.column) for problem in caught.value.problems]
        assert places == [(row, column) for row in range(1, 31) for column in ("a", "b")]

    def test_without_problems_are_returned(self):
        """The checked frame is what `check_frame` gives."""
        assert checked_frame(one_column(kind="number"), pd.DataFrame({"x": [1]}), "f", training=False).shape == (1, 1)
