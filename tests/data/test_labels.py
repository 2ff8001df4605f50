"""0/1 labels of a binary target: which value is the event, and what is refused because nothing says so."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from data.checking import checked_frame, known_labels
from data.column import Column
from data.errors import BadRowsError, TableError
from data.table import Table


def table(**target: object) -> Table:
    return Table(name="t", columns=(Column(name="x", kind="number"), Column(name="y", role="target", **target)))


def labels(cells: object, **target: object) -> list[int]:
    """The labels of a checked file with these cells."""
    frame = pd.DataFrame({"x": np.arange(len(cells)), "y": cells})
    described = table(**target)
    return described.labels(checked_frame(described, frame, "rows", training=True)).tolist()


@pytest.mark.parametrize(
    ("described", "cells", "expected"),
    [
        ({"kind": "flag"}, [0, 1, 1], [0, 1, 1]),
        ({"kind": "flag"}, [0.0, 1.0, 1.0], [0, 1, 1]),
        ({"kind": "flag"}, ["0", "1", "1"], [0, 1, 1]),
        ({"kind": "flag"}, ["0.0", "1.0", "1.0"], [0, 1, 1]),
        ({"kind": "flag"}, [False, True, True], [0, 1, 1]),
        ({"kind": "flag"}, ["false", "True", "true"], [0, 1, 1]),
        ({"kind": "flag", "positive": "0"}, [0, 1, 1], [1, 0, 0]),
        ({"kind": "flag", "levels": ("no", "yes")}, ["no", "yes", "yes"], [0, 1, 1]),
        ({"kind": "flag", "levels": ("no", "yes")}, [0, 1.0, "yes"], [0, 1, 1]),
        ({"kind": "flag", "levels": ("yes", "no")}, ["no", "yes", "yes"], [1, 0, 0]),
        ({"kind": "flag", "levels": ("1", "2")}, [1, 2, 2], [0, 1, 1]),
        ({"kind": "category", "levels": ("good", "bad")}, ["good", "bad", "bad"], [0, 1, 1]),
        ({"kind": "category", "levels": ("good", "bad"), "positive": "good"}, ["good", "bad", "bad"], [1, 0, 0]),
        ({"kind": "category"}, ["0", "1", "1"], [0, 1, 1]),
        ({"kind": "category"}, [False, True, True], [0, 1, 1]),
        ({"kind": "category", "positive": "c"}, ["a", "b", "c"], [0, 0, 1]),
        ({"kind": "category", "levels": ("a", "b", "c"), "positive": "b"}, ["a", "b", "c"], [0, 1, 0]),
        ({"kind": "number", "positive": 3}, [1.0, 3.0, 9.0], [0, 1, 0]),
        ({"kind": "number", "positive": "3"}, ["1", "3.0", "9"], [0, 1, 0]),
        ({"kind": "key", "positive": "k7"}, ["k1", "k7", "k9"], [0, 1, 0]),
    ],
)
def test_are_one_for_the_event(described, cells, expected):
    """Every spelling that the check accepts gives the label that a person reads from it."""
    assert labels(cells, **described) == expected


@pytest.mark.parametrize(
    ("described", "cells", "said"),
    [
        ({"kind": "category"}, ["a", "b", "c", "a", "a", "b"], "'a' (3), 'b' (2), 'c' (1)"),
        ({"kind": "category", "levels": ("a", "b", "c")}, ["a", "b", "c"], "category with 3 different values"),
        ({"kind": "category", "levels": ("a", "b", "c")}, ["a", "b", "b"], "category with 2 different values"),
        ({"kind": "category"}, ["good", "bad", "bad"], "'bad' (2), 'good' (1)"),
        ({"kind": "category"}, [1, 2, 1], "'1' (2), '2' (1)"),
        ({"kind": "category"}, [-1, 1, 1], "'1' (2), '-1' (1)"),
        ({"kind": "number"}, list(range(10)), "number with 10 different values"),
        ({"kind": "number"}, [0.0, 1.0, 1.0], "or kind = 'flag' if 1 is the event"),
        ({"kind": "number"}, np.linspace(0, 1, 50).tolist(), "number with 50 different values"),
        ({"kind": "key"}, ["a", "b", "b"], "key with 2 different values"),
        ({"kind": "text"}, ["a", "b", "b"], "text with 2 different values"),
        ({"kind": "time"}, ["2024-01-01", "2024-01-02", "2024-01-03"], "time with 3 different values"),
    ],
)
def test_of_a_target_that_names_no_event_are_refused(described, cells, said):
    """The message has the table, the column, its values with their counts, and what to write."""
    with pytest.raises(TableError) as caught:
        labels(cells, **described)

    for words in ("table 't'", "target 'y'", "positive = '...'", said):
        assert words in str(caught.value)
    assert len(re.findall(r"'[^']+' \(\d+\)", str(caught.value))) == min(len(set(cells)), 5)


@pytest.mark.parametrize(
    ("described", "cells", "said"),
    [
        ({"kind": "flag"}, ["never", "yes"], "row 1, column 'y': 'never' must be true or false"),
        ({"kind": "flag"}, [0, 2], "row 2, column 'y': 2 must be true or false"),
        ({"kind": "flag"}, [1, 1], "every row holds '1'"),
        ({"kind": "flag"}, [None, None], "row 1, column 'y': must not be empty"),
        ({"kind": "flag"}, [0, np.nan], "row 2, column 'y': must not be empty"),
        ({"kind": "category", "positive": "c"}, ["a", "b"], "no row holds 'c', which 'positive' names"),
        ({"kind": "category", "levels": ("a", "b")}, ["a", "c"], "row 2, column 'y': 'c' must be one of a, b"),
    ],
)
def test_of_bad_cells_are_refused_by_row(described, cells, said):
    """What breaks a rule of the column is named before anything is learned from it."""
    with pytest.raises(BadRowsError) as caught:
        labels(cells, **described)

    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("described", "said"),
    [
        ({"kind": "category", "levels": ("a", "b"), "positive": "c"}, "'positive' is 'c'; it must be one of a, b"),
        ({"kind": "flag", "positive": "yes"}, "'positive' is 'yes'; it must be one of 0, false, False, 1"),
        ({"kind": "category", "missing": ("?",)}, "a target is known in every row; leave out 'missing'"),
    ],
)
def test_of_no_row_are_refused_in_the_table(described, said):
    """A description under which no row could be read is none."""
    with pytest.raises(TableError) as caught:
        table(**described)

    assert said in str(caught.value)


def test_that_a_file_to_score_knows_are_read_as_in_training():
    """Other spellings count; a cell that is empty or breaks the rules says nothing."""
    described = table(kind="flag", levels=("no", "yes"))
    frame = pd.DataFrame({"x": range(6), "y": ["yes", 1, True, "no", None, "?"]})

    assert known_labels(described, frame).tolist() == [1, 1, 1, 0, 0, 0]
    assert known_labels(described, frame[["x"]]) is None
