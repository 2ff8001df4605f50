"""Stand-ins: a planted one is found, and what has nothing to do with a protected column is near guessing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.column import Column
from data.table import Table
from models.evaluation.diagnostics.proxies import proxies

INPUTS = (
    Column(name="noise", kind="number", optional=True),
    Column(name="copy", kind="number"),
    Column(name="town", kind="category", optional=True),
)
AGE = Column(name="age", kind="number", unit="years", protected=True, role="ignore", optional=True)
SEX = Column(name="sex", kind="category", protected=True, role="ignore", optional=True)


def people(n_rows: int = 1_500, **columns: Any) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "noise": rng.normal(size=n_rows),
            "copy": rng.normal(size=n_rows),
            "town": rng.choice(["a", "b", "c"], n_rows),
            "age": rng.normal(40, 10, n_rows),
            "sex": rng.choice(["f", "m", "x"], n_rows, p=[0.5, 0.4, 0.1]),
        }
    )
    return frame.assign(**columns)


def test_a_planted_copy_of_an_age_is_found_first() -> None:
    """A number derived from the age predicts it nearly perfectly; the others do not."""
    frame = people()
    (age,) = proxies(Table(name="t", columns=(*INPUTS, AGE)), frame.assign(copy=-3 * frame["age"]), seed=0)
    assert age.strongest[0].column == "copy"
    assert age.strongest[0].auc > 0.99
    assert age.together > 0.99
    assert all(abs(stand_in.auc - 0.5) < 0.06 for stand_in in age.strongest[1:])
    assert age.question == f"above {frame['age'].sort_values().iloc[749]:,.6g} years or not"


def test_what_is_independent_is_near_guessing() -> None:
    """Nothing planted, nothing found: alone or together."""
    for told in proxies(Table(name="t", columns=(*INPUTS, AGE, SEX)), people(4_000), seed=0):
        assert told.together == pytest.approx(0.5, abs=0.05)
        assert all(abs(stand_in.auc - 0.5) < 0.05 for stand_in in told.strongest)


def test_levels_are_told_one_against_the_others() -> None:
    """Each sex lives in its own town, so the town predicts all three; so does a number that is not monotone."""
    frame = people()
    town = frame["sex"].map({"f": "a", "m": "b", "x": "c"})
    odd_number = frame["sex"].map({"f": 0.0, "m": 5.0, "x": -5.0})
    (sex,) = proxies(Table(name="t", columns=(*INPUTS, SEX)), frame.assign(town=town, copy=odd_number), seed=0)
    assert sex.question == "which of: f; m; x"
    assert {stand_in.column for stand_in in sex.strongest[:2]} == {"town", "copy"}
    assert sex.strongest[1].auc > 0.99


def test_a_gap_can_be_a_stand_in() -> None:
    """Here, a missing number predicts the sex."""
    frame = people()
    frame.loc[frame["sex"] == "m", "noise"] = np.nan
    (sex,) = proxies(Table(name="t", columns=(*INPUTS, SEX)), frame, seed=0)
    assert sex.strongest[0].column == "noise"


def test_rows_without_the_protected_value_and_rare_levels_are_left_out() -> None:
    """Gaps are not a class of their own, nor are levels of a handful of rows."""
    frame = people()
    frame.loc[frame["sex"] == "x", "sex"] = None
    frame.loc[:9, "sex"] = "y"
    (sex,) = proxies(Table(name="t", columns=(*INPUTS, SEX)), frame, seed=0)
    assert sex.question == "which of: f; m"
    assert sex.n_rows == int(frame["sex"].isin(["f", "m"]).sum())


def test_nothing_is_said_where_there_is_nothing_to_tell() -> None:
    """One level only, or a protected column that the model reads anyway."""
    table = Table(name="t", columns=(*INPUTS, AGE, SEX))
    assert proxies(table, people(sex="f", age=np.nan), seed=0) == ()
    as_inputs = table.with_columns({"age": {"role": "feature"}, "sex": {"role": "feature"}})
    assert proxies(as_inputs, people(), seed=0) == ()


def test_the_same_seed_gives_the_same_numbers() -> None:
    """Rows are drawn and folds are cut by the seed alone."""
    table, frame = Table(name="t", columns=(*INPUTS, SEX)), people(4_500)
    assert proxies(table, frame, seed=1) == proxies(table, frame, seed=1)
    assert proxies(table, frame, seed=1)[0].n_rows == 4_000
