"""The block [series] of a table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from data.column import Column
from data.errors import TableError
from data.files.table_toml import read_table, table_as_dict, table_from_dict, write_table
from data.series.spec import MAX_SEASON, SeriesSpec
from data.simulators import credit
from data.table import Table
from models.registry.stored_table import StoredTable
from tests.data.series.tables import DATE, NAME, PLACE, RETURN, SOLD, table_of

SPECS = st.builds(
    SeriesSpec,
    horizon=st.integers(1, 1_000),
    frequency=st.sampled_from(["observations", "H", "D", "B", "W", "MS", "QS", "YS"]),
    season=st.integers(1, MAX_SEASON),
    transform=st.sampled_from(["none", "log"]),
    floor=st.none() | st.floats(-1e6, 1e6),
    gaps=st.sampled_from(["keep", "carry", "refuse"]),
)


class TestRoundTrips:
    @given(spec=SPECS, target=st.sampled_from([SOLD, RETURN]))
    def test_a_table_comes_back_equal(self, spec, target, tmp_path_factory):
        """From TOML, and from the manifest of a bundle."""
        table, path = (
            Table(name="shop", columns=(NAME, DATE, target), series=spec),
            tmp_path_factory.mktemp("t") / "t.toml",
        )
        stored = TypeAdapter(StoredTable)

        write_table(table, path)

        assert read_table(path) == table
        assert stored.validate_json(stored.dump_json(table)) == table

    def test_only_what_is_no_default_is_written(self):
        assert table_as_dict(table_of())["series"] == {"horizon": 7, "frequency": "D"}
        assert "series" not in table_as_dict(credit.TABLE)
        assert credit.TABLE.series is None


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ({}, "series: 'horizon' is missing; it is the number of steps to forecast, such as 13"),
        ({"horizon": 0}, "series: field 'horizon' is 0; it must be greater than or equal to 1"),
        ({"horizon": 10_000}, "series: field 'horizon' is 10000; it must be less than or equal to 1000"),
        ({"horizon": 5, "season": 0}, "series: field 'season' is 0; it must be greater than or equal to 1"),
        ({"horizon": 5, "frequency": "M"}, "'frequency' is 'M'; it must be 'observations', 'H', 'D', 'B', 'W', 'MS'"),
        ({"horizon": 5, "gaps": "fill"}, "'gaps' is 'fill'; it must be 'keep', 'carry' or 'refuse'"),
        ({"horizon": 5, "transform": "sqrt"}, "'transform' is 'sqrt'; it must be 'none' or 'log'"),
        ({"horizon": 5, "floor": float("inf")}, "'floor' must be a finite number, got inf"),
        ({"horizon": 5, "seasons": 12}, "series: unknown field 'seasons'; there are horizon, frequency, season"),
        (13, "series: must be a table of fields, such as horizon = 13; got 13"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(series, message):
    with pytest.raises(TableError) as caught:
        table_from_dict({**table_as_dict(table_of()), "series": series})

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((NAME, DATE), "table 'shop': no column has the role 'target'; give it to the number that is forecast"),
        ((DATE, Column(name="y", kind="flag", role="target")), "column 'y': what is forecast is a number, not a flag"),
        (
            (NAME, DATE, SOLD, Column(name="price", kind="number")),
            "column 'price': its role is 'feature'; in a table of",
        ),
        ((NAME, DATE, PLACE, SOLD), "'date' and 'place' both order the values; give one of them the role 'ignore'"),
        (
            (NAME, PLACE, SOLD),
            "the frequency is 'D', which needs a time in every row; mark a column with role = 'time'",
        ),
        ((Column(name="a", kind="key", role="series", optional=True), DATE, SOLD), "a series is known in every row"),
        ((Column(name="p", kind="number", role="position"), SOLD), "column 'p': a position counts values; write whole"),
        ((NAME, NAME_2 := Column(name="x", kind="key", role="series"), DATE, SOLD), "2 columns have the role 'series'"),
    ],
)
def test_columns_must_be_those_of_series(columns, message):
    with pytest.raises(TableError) as caught:
        table_of(*columns)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (NAME, "column 'name': the role 'series' is for tables of series; add [series] with a horizon"),
        (PLACE, "column 'place': the role 'position' is for tables of series"),
        (RETURN, "column 'sold': 'measure' is for tables of series"),
    ],
)
def test_a_table_of_rows_has_nothing_of_series(column, message):
    with pytest.raises(TableError) as caught:
        Table(name="t", columns=(Column(name="x", kind="number"), column))

    assert message in str(caught.value)


def test_a_measure_is_of_the_target():
    with pytest.raises(
        TableError, match=r"'measure' is for the target of kind 'number'.*number with the role 'feature'"
    ):
        Column(name="x", kind="number", measure="return")
    with pytest.raises(TableError, match="a series cannot be of kind 'number'"):
        Column(name="x", kind="number", role="series")


def test_roles_are_found():
    table = table_of()
    assert (table.series_column, table.time, table.position, table.target) == (NAME, DATE, None, SOLD)
    assert table_of(PLACE, SOLD, frequency="observations").position == PLACE
    assert table.features == ()
