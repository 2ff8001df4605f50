"""Why a field is not taken: by what its column is for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from data.column import Column
from models.domains._discovery import load_domains
from service.requests.field_errors import why_not_taken

WINDOW = next(column for column in load_domains()["fraud"].table.columns if column.window is not None)


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (replace(WINDOW, name="x"), "x is computed from earlier rows; leave it out"),
        (Column(name="x", kind="number", role="weight"), "x is a column of the table, but not an input of this model"),
        (Column(name="x", kind="number", role="propensity"), "x is a column of the table, but not an input"),
        (Column(name="x", kind="number", role="ignore"), "x is a column of the table, but not an input"),
        (Column(name="x", kind="number"), "x is not allowed here"),
    ],
    ids=["window", "weight", "propensity", "ignore", "elsewhere"],
)
def test_a_column_that_is_no_input_is_refused_for_what_it_is(column, why):
    assert why_not_taken("x", column, {"x": column}).startswith(why)
