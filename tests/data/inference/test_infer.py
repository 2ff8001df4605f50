from __future__ import annotations

import os
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.checking import check_frame
from data.column import Column
from data.errors import TableError
from data.files.sources import read_frame
from data.files.table_toml import table_as_dict, table_from_dict
from data.inference.infer import infer_table
from data.rows import row_adapter
from data.table import Table

DATA_HOME = os.environ.get("BACKSCORE_DATA_HOME")
TARGETS = {
    "ads/bank_marketing_full.parquet": "y",
    "ads/criteo_10k.parquet": "label",
    "ads/hillstrom_email.parquet": "visit",
    "ads/kag_conversion.parquet": "Approved_Conversion",
    "ads/talkingdata_100k.parquet": "is_attributed",
    "credit/german_credit.parquet": "class",
    "credit/taiwan_default.parquet": "default.payment.next.month",
    "fraud/handbook_simulated_90d.parquet": "TX_FRAUD",
    "fraud/ulb_creditcard_sample.parquet": "Class",
}


def inferred(cells: Any, *, name: str = "x") -> Column:
    """How a column of these cells is described, beside an ordinary feature and a target that it does not tell."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: cells, "amount": rng.random(len(cells)), "y": rng.random(len(cells)) < 0.3})
    return infer_table(frame, name="t", target="y")[name]


def repeated(*cells: Any, n_rows: int = 120) -> list[Any]:
    return [cells[i % len(cells)] for i in range(n_rows)]


class TestColumns:
    @pytest.mark.parametrize(
        ("cells", "kind", "role"),
        [
            (repeated(1.5, 2.25, 3.0), "number", "feature"),
            (repeated("1.5", "2", "-3e2"), "number", "feature"),
            (repeated("1,234", "5,678", "9"), "category", "feature"),
            (repeated("007", "012", "100"), "category", "feature"),
            (repeated("red", "blue"), "category", "feature"),
            (repeated(True, False), "flag", "feature"),
            (repeated(0, 1), "flag", "feature"),
            (repeated("y", "n"), "flag", "feature"),
            (repeated(1, 2), "number", "feature"),
            ([f"c{i % 80}" for i in range(120)], "key", "feature"),
            ([f"c{i}" for i in range(120)], "key", "ignore"),
            (list(range(5, 125)), "key", "ignore"),
            ([f"the customer called {i % 60} times and was not happy at all" for i in range(120)], "text", "ignore"),
            (repeated("x" * 201, "b"), "text", "ignore"),
            (repeated(7), "text", "ignore"),
            (repeated(None), "text", "ignore"),
            ([f"2024-01-{i % 28 + 1:02d}" for i in range(120)], "time", "time"),
            ([f"{i % 28 + 1:02d}/01/2024" for i in range(120)], "time", "time"),
            ([f"{i % 12 + 1:02d}/{i % 12 + 1:02d}/2024" for i in range(120)], "text", "ignore"),
            ([f"{i % 12 + 1:02d}/{i % 11 + 1:02d}/{2000 + i}" for i in range(120)], "key", "ignore"),
            (repeated("2024-01-01", "2024-02-01"), "time", "feature"),
            (repeated(1, "a", 2.5), "category", "feature"),
            (repeated(Decimal("1.5"), Decimal(2)), "number", "feature"),
            ([2**60 + i // 2 for i in range(120)], "key", "feature"),
        ],
    )
    def test_kind_and_role_follow_from_the_cells(self, cells, kind, role):
        """One example for each decision."""
        column = inferred(cells)

        assert (column.kind, column.role) == (kind, role)

    @pytest.mark.parametrize("name", ["id", "ID", "customer_id", "customerId", "CUSTOMER_ID", "key"])
    def test_ids_are_known_by_name(self, name):
        """Distinct ones tell rows apart, repeated ones tell customers apart."""
        distinct, repeating = [i * 7 % 1009 for i in range(120)], [i * 7 % 61 for i in range(120)]

        assert (inferred(distinct, name=name).kind, inferred(distinct, name=name).role) == ("key", "ignore")
        assert (inferred(repeating, name=name).kind, inferred(repeating, name=name).role) == ("key", "feature")

    def test_names_that_only_contain_id_are_no_ids(self):
        """What was paid is an amount."""
        assert inferred([i * 7 % 1009 for i in range(120)], name="paid").kind == "number"

    def test_whole_is_what_was_written_without_fraction(self):
        """Integers, also beside gaps where pandas makes floats of them; 20000.0 may have been an amount."""
        assert inferred(repeated(1, 2, 3)).whole
        assert inferred(repeated("1", "2", "3")).whole
        assert inferred(repeated(1.0, 2.0, None)).whole
        assert not inferred(repeated(1.0, 2.0, 3.0)).whole

    def test_gaps_make_a_column_optional(self):
        """An empty cell, or one of blanks, is no value."""
        assert inferred(repeated("a", "b", " ")).optional
        assert not inferred(repeated("a", "b", "c")).optional

    def test_range_is_described_and_does_not_bind(self):
        """What was observed is no rule for what may come."""
        column = inferred(repeated(3.5, 70.0, 12.0))

        assert "3.5 to 70" in column.description
        assert (column.minimum, column.maximum) == (None, None)

    def test_flags_keep_their_spelling(self):
        """The false one first."""
        assert inferred(repeated("Yes", "No")).levels == ("No", "Yes")

    def test_examples_come_from_one_complete_row(self):
        """Together they are a row that was seen."""
        frame = pd.DataFrame({"a": [None, 2.5, 3.5], "b": ["u", None, "v"], "c": ["p", "q", "r"], "y": [0, 1, 0]})

        assert infer_table(frame, name="t", target="y").example() == {"a": 3.5, "b": "v", "c": "r"}

    def test_second_time_and_date_of_birth_are_features(self):
        """A row happened once, and not when its customer was born."""
        days = pd.date_range("2000-01-01", periods=60)
        frame = pd.DataFrame({"date_of_birth": days, "opened": days, "closed": days, "y": np.arange(60) % 2})

        table = infer_table(frame, name="t", target="y")

        assert [column.role for column in table.columns] == ["feature", "time", "feature", "target"]

    def test_columns_that_give_the_target_away_are_ignored(self):
        """By their values, or by being filled for one class only."""
        rng = np.random.default_rng(0)
        y = rng.random(300) < 0.2
        frame = pd.DataFrame(
            {
                "amount": rng.random(300),
                "fraud_type": np.where(y, rng.choice(["stolen", "copied"], 300), "none"),
                "refunded_at": pd.Series(pd.date_range("2024-01-01", periods=300)).where(y),
                "y": y.astype(int),
            }
        )

        table = infer_table(frame, name="t", target="y")

        assert [column.role for column in table.columns] == ["feature", "ignore", "ignore", "target"]
        assert "Leaks 'y'" in table["fraud_type"].description


class TestTargets:
    @pytest.mark.parametrize(
        ("cells", "kind", "positive"),
        [
            ([0, 1, 1, 1], "flag", "1"),
            ([True, False, True, True], "flag", "1"),
            (["no", "yes", "yes", "yes"], "flag", "yes"),
            (["good", "bad", "bad", "bad"], "category", "bad"),
            ([1, 2, 1, 1], "category", "2"),
            (["u", "v", "v", "v"], "category", "u"),
            ([-1, 1, 1, 1], "category", "1"),
            (["u", "v", "w", "w"], "category", None),
            ([0.5, 1.5, 2.5, 3.5], "number", None),
        ],
    )
    def test_kind_and_positive_value_follow_from_the_cells(self, cells, kind, positive):
        """The true one, the one that names an event, or the rarer; and labels say the same."""
        frame = pd.DataFrame({"x": [1.5, 2.5, 3.5, 5.5], "y": cells})
        table = infer_table(frame, name="t", target="y")

        assert (table.target.kind, table.target.positive) == (kind, positive)
        if positive is not None:
            spelled = {"1": (1, True), "2": (2,)}.get(positive, (positive,))
            assert table.labels(frame).tolist() == [int(cell in spelled) for cell in cells]

    @pytest.mark.parametrize(
        ("cells", "words"),
        [
            ([1, 1, 1], "holds only '1'"),
            ([None, None, None], "is empty"),
            (pd.date_range("2024-01-01", periods=3), "holds times"),
            ([f"t{i}" for i in range(60)], "60 different texts"),
        ],
    )
    def test_that_cannot_be_predicted_are_refused(self, cells, words):
        """The message says what the column holds."""
        with pytest.raises(TableError, match=words):
            infer_table(pd.DataFrame({"x": np.arange(len(cells)) * 1.5, "y": cells}), name="t", target="y")

    def test_that_are_not_there_are_refused_with_those_there_are(self):
        """A typing error is mended by reading the message."""
        with pytest.raises(TableError, match="no column 'z'; it has x, y"):
            infer_table(pd.DataFrame({"x": [1], "y": [2]}), name="t", target="z")


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(-3, 3),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["yes", "no", "1", "2.5", " 3 ", "1,000", "NA", "2024-01-01", "03/04/2024", "true", "1e400", "007"]
    ),
    st.dates(),
    st.datetimes(),
    st.timedeltas(timedelta(0), timedelta(9)),
    st.decimals(allow_nan=False),
    st.binary(max_size=3),
)
KINDS_OF_CELLS = st.sampled_from(
    [CELLS, st.integers(-5, 5), st.floats(-5, 5), st.sampled_from(["a", "b", None]), st.datetimes(), st.booleans()]
)


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    n_rows = draw(st.integers(0, 30))
    columns = {}
    for name in draw(st.lists(st.text(max_size=5), min_size=1, max_size=4, unique=True)):
        cells = draw(st.lists(draw(KINDS_OF_CELLS), min_size=n_rows, max_size=n_rows))
        columns[name] = pd.Series(cells, dtype=draw(st.sampled_from([object, None])))
    return pd.DataFrame(columns)


class TestAnyFrame:
    @given(frames(), st.data())
    @settings(max_examples=60)
    def test_is_described_or_refused_in_words(self, frame, data):
        """Nothing that a column holds is a crash, and what is written for it can be read again."""
        target = data.draw(st.sampled_from(list(frame.columns)))
        try:
            table = infer_table(frame, name="t", target=target)
        except TableError:
            return

        assert table.column_names == list(frame.columns)
        assert table_from_dict(table_as_dict(table)) == table
        row_adapter(table).validate_python(table.example())

    @given(st.data())
    @settings(max_examples=50)
    def test_fits_its_own_description(self, data):
        """Of ordinary cells, the check finds nothing wrong with what the description was made from."""
        ordinary = [
            st.sampled_from([1, 2, 3, 4.5]),
            st.sampled_from(["a", "b", None]),
            st.sampled_from(["yes", "no"]),
            st.sampled_from(["1", "2.5", " 3 ", "007", "", "1,000"]),
            st.sampled_from([date(2024, 1, 2), datetime(2024, 1, 2, 3, 4), "2024-01-01"]),
            st.sampled_from(["13/01/2024", "02/01/2024", None]),
            st.sampled_from([True, False, None]),
        ]
        n_rows = data.draw(st.integers(2, 30))
        columns = {
            f"c{i}": data.draw(st.lists(cells, min_size=n_rows, max_size=n_rows)) for i, cells in enumerate(ordinary)
        }
        frame = pd.DataFrame({**columns, "x": np.arange(n_rows) * 0.5, "y": np.arange(n_rows) % 2})

        _, problems = check_frame(infer_table(frame, name="t", target="y"), frame, training=True)

        assert [str(problem) for problem in problems] == []


@pytest.mark.skipif(DATA_HOME is None, reason="needs BACKSCORE_DATA_HOME")
class TestRealFiles:
    @pytest.mark.parametrize("file", TARGETS)
    def test_fit_their_own_description(self, file):
        """Every row passes the check, and the example is a request."""
        frame = read_frame(Path(str(DATA_HOME)) / file)
        frame = frame.head(20_000)

        table = infer_table(frame, name="t", target=TARGETS[file])

        assert check_frame(table, frame, training=True)[1] == []
        row_adapter(table).validate_python(table.example())

    def test_of_the_handbook_hold_no_leak(self):
        """The id is ignored, the scenario (a part of the label) too, and the time is the row's."""
        table: Table = infer_table(
            read_frame(Path(str(DATA_HOME)) / "fraud/handbook_simulated_90d.parquet").head(100_000),
            name="handbook",
            target="TX_FRAUD",
        )

        assert {column.name for column in table.of_role("ignore")} == {"TRANSACTION_ID", "TX_FRAUD_SCENARIO"}
        assert [column.name for column in table.of_role("time")] == ["TX_DATETIME"]
        assert table["CUSTOMER_ID"].kind == table["TERMINAL_ID"].kind == "key"
