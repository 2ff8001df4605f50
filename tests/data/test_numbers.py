"""Columns of lists of numbers: the same list in requests, CSV and parquet, and bad ones are told by their place."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from data.checking import check_frame
from data.column import Column
from data.errors import TableError, TooLargeError
from data.files.sources import frame_digest
from data.files.uploads import MAX_IN_LISTS, open_upload
from data.numbers import numbers_of
from data.rows import row_adapter
from data.table import Table
from models.training.row_digests import row_digests

LIMIT = 4


def table(**more: Any) -> Table:
    return Table(name="t", columns=(Column(name="x", kind="numbers", most_numbers=LIMIT, **more),))


def errors_of(body: str, **more: Any) -> list[Any]:
    with pytest.raises(ValidationError) as caught:
        row_adapter(table(**more)).validate_json(body)
    return [(error["loc"], error["type"]) for error in caught.value.errors()]


def test_a_request_holds_a_list_of_numbers() -> None:
    assert row_adapter(table()).validate_json('{"x": [1, -2.5]}') == {"x": [1.0, -2.5]}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"x": []}', [(("x",), "too_short")]),
        ('{"x": [1, 2, 3, 4, 5]}', [(("x",), "too_long")]),
        ('{"x": [1, "2"]}', [(("x", 1), "float_type")]),
        ('{"x": [1, null]}', [(("x", 1), "float_type")]),
        ('{"x": [1, NaN]}', [(("x", 1), "finite_number")]),
        ('{"x": [1, 1e999]}', [(("x", 1), "finite_number")]),
        ('{"x": [1e301]}', [(("x", 0), "less_than_equal")]),
        ('{"x": 3}', [(("x",), "list_type")]),
    ],
)
def test_a_bad_list_is_told_by_its_place(body: str, expected: list[Any]) -> None:
    assert errors_of(body) == expected


def test_numbers_that_must_be_above_0_are() -> None:
    assert errors_of('{"x": [1, 0, -1]}', positive_numbers=True) == [
        (("x", 1), "greater_than"),
        (("x", 2), "greater_than"),
    ]


@pytest.mark.parametrize(
    "cells", [[(1.0, 2.5)], [[1, 2.5]], [np.array([1.0, 2.5])], ["[1, 2.5]"]], ids=["tuple", "list", "array", "json"]
)
def test_a_file_holds_lists_in_any_type(cells: list[Any]) -> None:
    """Checked, they are tuples of floats, and one row with one digest."""
    frame = pd.DataFrame({"x": pd.Series(cells, dtype=object)})
    checked, problems = check_frame(table(), frame, training=False)
    assert problems == []
    assert checked["x"].tolist() == [(1.0, 2.5)]
    reference = pd.DataFrame({"x": pd.Series([(1.0, 2.5)], dtype=object)})
    assert row_digests(checked, ("x",)) == row_digests(reference, ("x",))
    assert row_digests(checked, ("x",)) != row_digests(pd.DataFrame({"x": pd.Series([(1.0, 2.0)])}), ("x",))
    others = pd.DataFrame({"x": pd.Series([(1.0, 2.0)], dtype=object)})
    assert frame_digest(checked) == frame_digest(reference) != frame_digest(others)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("1.5", "it is no list"),
        ("[1, 2", "it is no list"),
        ("{}", "it is no list"),
        ("[]", "it has 0"),
        ("[1, 2, 3, 4, 5]", "it has 5"),
        ('[1, "a", 2]', "number 2 of it is nan"),
        ([1.0, float("inf")], "number 2 of it is inf"),
        ([1.0, True], "number 2 of it is nan"),
        ([10**400], "number 1 of it is inf"),
        ([3.0, -1.0], "number 2 of it is -1"),
    ],
)
def test_a_bad_cell_is_told_by_row_and_place(cell: Any, said: str) -> None:
    frame = pd.DataFrame({"x": pd.Series([(1.0,), cell], dtype=object)})
    _, [problem] = check_frame(table(positive_numbers=True), frame, training=False)
    assert (problem.row, problem.rule) == (2, f"must be a list of 1 to 4 numbers above 0; {said}")


@pytest.mark.parametrize("cell", [None, np.nan, ""])
def test_an_empty_cell_is_allowed_where_the_column_is_optional(cell: Any) -> None:
    frame = pd.DataFrame({"x": pd.Series([cell], dtype=object)})
    assert check_frame(table(optional=True), frame, training=False)[0]["x"].tolist() == [None]
    _, [problem] = check_frame(table(), frame, training=False)
    assert problem.rule == "must not be empty; it must be a list of 1 to 4 numbers"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "numbers"}, "needs 'most_numbers' from 1 to 5,000, got None"),
        ({"kind": "numbers", "most_numbers": 10**6}, "got 1000000"),
        ({"kind": "number", "most_numbers": 3}, "'most_numbers' is for lists"),
        ({"kind": "number", "positive_numbers": True}, "'positive_numbers' is for lists"),
        ({"kind": "numbers", "most_numbers": 3, "role": "time"}, "a time cannot be of kind"),
        ({"kind": "numbers", "most_numbers": 3, "role": "entity"}, "is a feature or the target"),
        ({"kind": "numbers", "most_numbers": 3, "missing": (-1,)}, "has no 'missing'"),
        ({"kind": "numbers", "most_numbers": 3, "default": 1}, "'default' is for features of kind"),
    ],
)
def test_a_contradictory_column_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(TableError, match=said):
        Table(name="t", columns=(Column(name="x", **fields),))


def parquet(values: pa.Array) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"x": values}), file)
    return file.getvalue()


def test_lists_are_read_from_an_upload() -> None:
    frame = open_upload(parquet(pa.array([[1.0, 2.5], [3.0]])), ".parquet", 10_000).frame(["x"], 10)
    assert [json.loads(one) for one in frame["x"]] == [[1.0, 2.5], [3.0]]


def test_a_small_file_of_endless_lists_is_refused_before_it_is_read() -> None:
    """A run of equal numbers takes a few bytes, however long it is."""
    endless = pa.ListArray.from_arrays([0, MAX_IN_LISTS + 1], pa.array(np.zeros(MAX_IN_LISTS + 1)))
    content = parquet(endless)
    assert len(content) < 50_000
    with pytest.raises(TooLargeError, match="lists of more than 2,000,000 numbers"):
        open_upload(content, ".parquet", 10**9).frame(["x"], 10)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("[1, 2.5]", (1.0, 2.5)),
        ("(1.0, 2.5)", (1.0, 2.5)),
        (" (3.0,) ", (3.0,)),
        ("()", ()),
        ("(1", None),
        ("1)", None),
        ("(1, 2)]", None),
        ("((1))", None),
        ("1, 2", None),
    ],
)
def test_a_cell_of_csv_is_json_or_as_pandas_writes_it(text: str, numbers: Any) -> None:
    assert numbers_of(text) == numbers
