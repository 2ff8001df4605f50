"""Windows in a table: what a description must not say, how it is written down, and the words of the usual ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.column import Column
from data.errors import TableError
from data.files.table_toml import read_table, table_from_dict, write_table
from data.rows import row_adapter
from data.table import Table
from data.window import Window
from tests.data.window_tables import MEASURES, TABLE


def window(**changes: Any) -> Window:
    return Window(**{"entity": "card", "measure": "count", "days": 1, **changes})


def computed(name: str = "w", **changes: Any) -> Column:
    return Column(name=name, kind="number", window=window(**changes))


def table_with(*columns: Column, **inputs: dict[str, Any]) -> Table:
    """The payments, with inputs described otherwise and other windows."""
    plain = replace(TABLE, columns=TABLE.inputs).with_columns(inputs)
    return replace(plain, columns=(*plain.columns, *columns))


class TestAWindow:
    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"days": 0}, "at least a second, got 0"),
            ({"days": 4e-6}, "at least a second"),
            ({"days": -1}, "days must be a finite number"),
            ({"days": float("inf")}, "got inf"),
            ({"label_delay_days": float("nan")}, "label_delay_days must be"),
            ({"measure": "sum"}, "'sum' needs column `of`"),
            ({"measure": "distinct"}, "'distinct' needs column `of`"),
            ({"of": "amount"}, "'count' has no column `of`"),
            ({"measure": "positive_rate", "of": "amount"}, "'positive_rate' has no column `of`"),
        ],
    )
    def test_that_measures_nothing_is_refused(self, wrong, said):
        """The sentence says which window, what, and what was given."""
        with pytest.raises(TableError, match="window of 'card'") as caught:
            window(**wrong)
        assert said in str(caught.value)

    def test_reaches_back_behind_the_delay_of_labels(self):
        """Only where it looks at labels."""
        assert [window(measure=m, label_delay_days=7).reach_seconds for m in ("count", "positive_rate")] == [
            86_400,
            8 * 86_400,
        ]


class TestATable:
    @pytest.mark.parametrize(
        ("columns", "inputs", "said"),
        [
            ([computed()], {"id": {"role": "ignore"}}, "windows need the id of every row"),
            ([computed()], {"id": {"optional": True}}, "windows need the id of every row"),
            ([computed()], {"at": {"role": "ignore"}}, "'w' needs a time in every row"),
            ([computed()], {"at": {"optional": True}}, "'w' needs a time in every row"),
            ([computed(entity="amount")], {}, "'w' is over 'amount', which has the role 'feature' and not 'entity'"),
            ([computed(entity="till")], {}, "no column 'till'"),
            ([computed(measure="sum", of="till")], {}, "no column 'till'"),
            ([computed(measure="sum", of="amount")], {"amount": {"optional": True}}, "never be empty"),
            ([computed(measure="sum", of="amount")], {"amount": {"missing": (-1,)}}, "never be empty"),
            ([computed(measure="sum", of="amount")], {"amount": {"maximum": None}}, "with minimum and maximum"),
            ([computed(measure="max", of="shop")], {}, "with minimum and maximum"),
            ([computed(measure="distinct", of="amount")], {}, "must be a key or a category"),
            ([computed("v"), computed(measure="sum", of="v")], {}, "'w' is of 'v'"),
            (
                [computed(measure="sum", of="amount"), computed("v", measure="mean", of="tip")],
                {},
                "the windows over 'card' add up amount, tip",
            ),
            (
                [computed(measure="distinct", of="shop"), computed("v", measure="distinct", of="id")],
                {},
                "the windows over 'card' count the values of id, shop",
            ),
        ],
    )
    def test_whose_windows_cannot_be_computed_is_refused(self, columns, inputs, said):
        """The sentence names the window and the column that does not fit."""
        tip = Column(name="tip", kind="number", minimum=0, maximum=10)
        with pytest.raises(TableError) as caught:
            table_with(tip, *columns, **inputs)
        assert said in str(caught.value)

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"kind": "key"}, "'window' is for numbers"),
            ({"role": "ignore"}, "what is computed is a feature"),
            ({"missing": (-1,)}, "needs no 'missing'"),
        ],
    )
    def test_computes_features_that_are_numbers(self, wrong, said):
        """Nothing else can be computed."""
        with pytest.raises(TableError, match=said):
            Column(**{"name": "w", "kind": "number", "window": window(), **wrong})

    def test_has_one_amount_and_one_id(self):
        """Each stands for the row."""
        with pytest.raises(TableError, match="amount, tip are all marked as the amount"):
            table_with(Column(name="tip", kind="number", amount=True))
        with pytest.raises(TableError, match="2 columns have the role 'event'"):
            table_with(Column(name="id2", kind="key", role="event"))
        with pytest.raises(TableError, match="a event cannot be of kind 'number'"):
            Column(name="id", kind="number", role="event")

    def test_names_its_parts(self):
        """The amount, the card, the id, what requests carry, what files hold, and how far back it looks."""
        assert (TABLE.amount, TABLE.subject, TABLE.event) == (TABLE["amount"], TABLE["card"], TABLE["id"])
        assert [column.name for column in TABLE.inputs] == ["id", "at", "card", "shop", "amount"]
        assert [column.name for column in TABLE.file_columns] == ["id", "at", "card", "shop", "amount", "fraud"]
        assert TABLE.reach_seconds == 60 + 15

    def test_asks_requests_for_nothing_that_is_computed(self):
        """A row without the windows is whole, one with them is refused."""
        adapter, row = row_adapter(TABLE), TABLE.example()

        assert adapter.validate_python(row) == row | {"at": adapter.validate_python(row)["at"]}
        with pytest.raises(ValueError, match="card_count_20s"):
            adapter.validate_python({**row, "card_count_20s": 1})

    def test_comes_back_equal_from_its_file(self, tmp_path):
        """With every measure, the amount and the id of its rows."""
        write_table(TABLE, tmp_path / "t.toml")

        assert read_table(tmp_path / "t.toml") == TABLE

    @given(st.sampled_from(MEASURES), st.floats(1e-4, 400), st.floats(0, 60))
    def test_file_holds_every_window(self, tmp_path_factory, measure, days, delay):
        """Any length survives TOML."""
        of = {"distinct": "shop", "count": None, "since_last": None, "positives": None, "positive_rate": None}.get(
            measure, "amount"
        )
        table = table_with(computed(measure=measure, days=days, of=of, label_delay_days=delay))
        path = tmp_path_factory.mktemp("tables") / "t.toml"

        write_table(table, path)

        assert read_table(path) == table

    @pytest.mark.parametrize(
        ("described", "said"),
        [
            ({"entity": "card", "measure": "median", "days": 1}, "median"),
            ({"entity": "card", "measure": "count"}, "window"),
            ({"entity": "card", "measure": "count", "days": 1, "length": 2}, "window"),
            ({"entity": "card", "measure": "count", "days": -1}, "finite number of at least 0, got -1"),
        ],
    )
    def test_file_with_a_wrong_window_is_refused_by_column(self, described, said):
        """As for every other field."""
        with pytest.raises(TableError, match=said):
            table_from_dict({"name": "t", "columns": {"w": {"kind": "number", "window": described}}})


@pytest.mark.parametrize(("former", "present"), [("frauds", "positives"), ("risk", "positive_rate")])
def test_a_former_name_of_a_measure_is_read(tmp_path, former, present):
    """In Python and in a table's TOML; the present name is the one that is kept."""
    table = table_with(computed(measure=present))
    path = tmp_path / "t.toml"
    write_table(table, path)
    path.write_text(path.read_text().replace(f'"{present}"', f'"{former}"'))

    assert f'"{former}"' in path.read_text()
    assert read_table(path) == table
    assert window(measure=former) == window(measure=present)
