"""Rows by protected group: every row is in exactly one group of each protected column, and the name tells which."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.checking import check_frame
from data.column import Column
from data.table import Table
from models.domains._discovery import load_domains
from models.evaluation.row_groups import NOT_GIVEN, groups_of


def as_input(table: Table, name: str) -> Table:
    """The table with that column as an input, as scoring reads no other."""
    return table.with_columns({name: {"role": "feature"}})


def groups(column: Column, values: list[object]) -> list[str]:
    """The groups of values that were checked as in scoring, where unknown levels are let through."""
    other = Column(name="x", kind="number", optional=True)
    table = Table(name="t", columns=(column, other))
    frame, problems = check_frame(as_input(table, column.name), pd.DataFrame({column.name: values}), training=False)
    assert problems == []
    found = groups_of(table, frame)[column.name]
    return found.tolist()


def test_ages_are_in_bands_of_ten_years() -> None:
    """Decades begin at the tenth year; a missing age is a group of its own."""
    age = Column(name="age", kind="number", unit="years", protected=True, role="ignore", optional=True, missing=(-1,))
    assert groups(age, [19, 20, 29.9, 30, None, -1, 101]) == [
        "10-19",
        "20-29",
        "20-29",
        "30-39",
        NOT_GIVEN,
        NOT_GIVEN,
        "100-109",
    ]


def test_dates_of_birth_are_in_decades() -> None:
    """A protected time is grouped like an age."""
    born = Column(name="born", kind="time", protected=True, role="ignore", optional=True)
    assert groups(born, ["1979-12-31", "1980-01-01", None]) == ["1970-1979", "1980-1989", NOT_GIVEN]


def test_levels_are_named_by_what_they_mean_in_the_order_of_the_table() -> None:
    """Codes are spoken, and an order that the table gives is kept."""
    status = Column(
        name="status",
        kind="category",
        levels=("2", "1"),
        meanings={"1": "single", "2": "married"},
        missing=("0",),
        protected=True,
        role="ignore",
        optional=True,
    )
    table = Table(name="t", columns=(status, Column(name="x", kind="number", optional=True)))
    frame, _ = check_frame(as_input(table, "status"), pd.DataFrame({"status": [1, 2, 0, None, "7"]}), training=False)

    found = groups_of(table, frame)["status"]

    assert found.tolist() == ["single", "married", NOT_GIVEN, NOT_GIVEN, "unknown level '7'"]
    assert list(found.cat.categories) == ["married", "single", "unknown level '7'", NOT_GIVEN]


def test_levels_of_an_open_category_speak_for_themselves() -> None:
    """Where the table lists no levels, none is unknown."""
    region = Column(name="region", kind="category", protected=True, role="ignore")
    assert groups(region, ["north", "south"]) == ["north", "south"]


def test_a_flag_is_yes_or_no() -> None:
    """Flags are spoken too, with levels of their own or without."""
    assert groups(Column(name="f", kind="flag", protected=True, role="ignore"), [True, False]) == ["yes", "no"]
    foreign = Column(
        name="f", kind="flag", levels=("A202", "A201"), meanings={"A201": "foreign"}, protected=True, role="ignore"
    )
    assert groups(foreign, ["A201", "A202"]) == ["foreign", "no"]


@given(st.lists(st.none() | st.integers(-50, 50) | st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_other_numbers_are_in_quartiles(values: list[float | None]) -> None:
    """Every row has a group, bands do not overlap, and without ties none holds more than its quarter, rounded up."""
    income = Column(name="income", kind="number", protected=True, role="ignore", optional=True)
    found = groups(income, list(values))

    numbers = pd.Series(values, dtype=float)
    assert [name == NOT_GIVEN for name in found] == numbers.isna().tolist()
    ranges = numbers.groupby(found).agg(["min", "max", "count"]).drop(NOT_GIVEN, errors="ignore").sort_values("min")
    assert (ranges["min"].to_numpy()[1:] > ranges["max"].to_numpy()[:-1]).all()
    if numbers.is_unique:
        assert (ranges["count"] <= np.ceil(numbers.notna().sum() / 4)).all()


@pytest.mark.parametrize("name", ["credit", "ads"])
def test_simulated_rows_are_grouped(name: str) -> None:
    """A domain's own protected columns are grouped, also those that it does not let the model read."""
    domain = load_domains()[name]
    table = domain.restrict_inputs(domain.table)
    frame, _ = check_frame(table, domain.simulate(300, 0).frame, training=True)

    found = groups_of(table, frame)

    assert list(found) == ["age", "gender"]
    assert set(found["gender"]) == {"female", "male", "diverse"}
    assert all(series.index.equals(frame.index) for series in found.values())


def test_columns_that_the_rows_lack_are_left_out() -> None:
    """A file without the column has no groups by it."""
    domain = load_domains()["credit"]
    table = domain.restrict_inputs(domain.table)
    frame, _ = check_frame(table, domain.simulate(50, 0).frame.drop(columns="gender"), training=True)

    assert list(groups_of(table, frame)) == ["age"]
