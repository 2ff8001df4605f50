"""Cells that a spreadsheet program would run are counted, never changed."""

import re

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from data.files.formulas import n_formulas

CELLS = st.none() | st.text("=+-@\t\r1.,eEx ", max_size=6)


def is_formula(text):
    """What OWASP calls dangerous, without plain numbers."""
    return text[:1] in tuple("=+-@\t\r") and not re.fullmatch(r"[+-]?[0-9.,]+([eE][+-]?[0-9]+)?", text)


@given(st.lists(CELLS, min_size=1), st.lists(CELLS, min_size=1))
def test_as_many_are_counted_as_there_are(first, second):
    """Texts of any column, numbers that are texts left out."""
    size = min(len(first), len(second))
    table = pa.table({"a": first[:size], "b": pa.array(second[:size], pa.large_string()), "n": [-1] * size})

    expected = sum(text is not None and text != "" and is_formula(text) for text in first[:size] + second[:size])
    assert n_formulas(table) == expected


def test_names_of_columns_count_too():
    """A header is opened like any other line."""
    assert n_formulas(pa.table({"=1+1": [1], "b": ["x"]})) == 1
