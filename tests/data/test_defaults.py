"""Defaults: what stands for an input that a request or a file to score lacks."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from data.checking import check_frame
from data.column import Column
from data.errors import TableError
from data.files.table_toml import table_as_dict, table_from_dict
from data.rows import row_adapter
from data.table import Table

KINDS: list[tuple[dict[str, Any], Any]] = [
    ({"kind": "number", "minimum": 0, "maximum": 9}, 3),
    ({"kind": "number", "whole": True, "missing": (-1,)}, -1),
    ({"kind": "category", "levels": ("red", "green")}, "red"),
    ({"kind": "category", "levels": ("1", "2")}, 2),
    ({"kind": "flag"}, True),
    ({"kind": "flag", "levels": ("no", "yes")}, "yes"),
    ({"kind": "key"}, "A-17"),
    ({"kind": "number", "optional": True}, 0),
]


def table(default: Any, **described: Any) -> Table:
    return Table(name="t", columns=(Column(name="x", kind="number"), Column(name="new", default=default, **described)))


@pytest.mark.parametrize(("described", "default"), KINDS)
def test_a_request_without_the_column_is_the_one_that_sends_its_default(described: Any, default: Any) -> None:
    """In JSON and as a dictionary."""
    adapter = row_adapter(table(default, **described))
    sent = adapter.validate_json(json.dumps({"x": 1, "new": default}))
    assert adapter.validate_json('{"x": 1}') == adapter.validate_python({"x": 1}) == sent
    assert type(adapter.validate_json('{"x": 1}')["new"]) is type(sent["new"])
    schema = adapter.json_schema()
    assert (schema["required"], schema["properties"]["new"]["default"]) == (["x"], default)


@pytest.mark.parametrize(("described", "default"), KINDS)
def test_a_file_to_score_without_the_column_is_the_one_that_holds_its_default(described: Any, default: Any) -> None:
    """One to train on must have it."""
    described_table = table(default, **described)
    file = pd.DataFrame({"x": [1.0, 2.0]})
    found, problems = check_frame(described_table, file, training=False)
    expected, _ = check_frame(described_table, file.assign(new=[default] * 2), training=False)
    assert problems == []
    pd.testing.assert_frame_equal(found, expected)
    training = Table(name="t", columns=(*described_table.columns, Column(name="y", kind="flag", role="target")))
    _, problems = check_frame(training, file.assign(y=[0, 1]), training=True)
    assert [(one.column, one.rule) for one in problems] == [("new", "the file has no such column; it has x, y")]


def test_a_value_that_is_sent_stays_and_null_is_no_value() -> None:
    required, optional = row_adapter(table(3, kind="number")), row_adapter(table(3, kind="number", optional=True))
    assert required.validate_json('{"x": 1, "new": 0}')["new"] == 0
    assert optional.validate_json('{"x": 1, "new": null}')["new"] is None
    with pytest.raises(ValueError, match="new"):
        required.validate_json('{"x": 1, "new": null}')
    _, problems = check_frame(table(3, kind="number"), pd.DataFrame({"x": [1], "new": [None]}), training=False)
    assert [one.rule for one in problems] == ["must not be empty; it must be a number"]


@pytest.mark.parametrize(
    ("described", "default", "said"),
    [
        ({"kind": "number", "minimum": 0, "maximum": 9}, 10, "'default' is 10; it must be a number from 0 to 9"),
        ({"kind": "number", "whole": True}, 0.5, "'default' is 0.5; it must be a whole number"),
        ({"kind": "number"}, float("nan"), "'default' is nan; it must be a number"),
        ({"kind": "number"}, "3", "'default' is '3'; it must be a number"),
        ({"kind": "number", "optional": True}, True, "'default' is True; it must be a number$"),
        ({"kind": "category", "levels": ("red", "green")}, "blue", "'default' is 'blue'; it must be one of red, green"),
        ({"kind": "category"}, " ", "'default' is ' '; it must be a category"),
        ({"kind": "flag", "levels": ("no", "yes")}, "maybe", "'default' is 'maybe'; it must be no or yes"),
        ({"kind": "key", "role": "event"}, "1", "this is a key with the role 'event'"),
        ({"kind": "time", "role": "time"}, "2024-05-01", "this is a time with the role 'time'"),
        ({"kind": "time"}, "2024-05-01", "for features of kind number, category, flag, key; this is a time"),
        ({"kind": "flag", "role": "target"}, True, "this is a flag with the role 'target'"),
    ],
)
def test_a_default_that_is_no_value_of_its_input_is_refused(described: Any, default: Any, said: str) -> None:
    with pytest.raises(TableError, match=rf"column 'new'.*{said}"):
        table(default, **described)


def test_the_toml_keeps_it() -> None:
    """A falsy one too; a table without any is written as ever."""
    for kind, default in (("number", 0), ("flag", False), ("category", "red")):
        written = table_as_dict(table(default, kind=kind))
        assert written["columns"]["new"]["default"] is default
        assert table_from_dict(written) == table(default, kind=kind)
    assert "default" not in table_as_dict(table(None, kind="number"))["columns"]["new"]
