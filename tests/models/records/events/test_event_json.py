"""What is stored of an event: the same for the same values, and enough to have its row again."""

from __future__ import annotations

import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from data.checking import checked_frame
from data.column import Column
from data.rows import row_adapter
from data.table import Table
from models.records.events.backfill import plain_rows
from models.records.events.event_json import EventSerializer, moment, row_of
from tests.data.strategies import good_values, tables


@settings(max_examples=60)
@given(tables(), st.data())
def test_a_request_and_the_same_row_of_a_file_are_stored_alike(table, data):
    """Whatever the columns: what was stored, written into a file and checked again, is the same text."""
    # a code for "no value" in a column that may not be empty leaves nothing to write
    table = table.with_columns({column.name: {"optional": True} for column in table.columns})
    body = {column.name: data.draw(good_values(column)) for column in table.columns}
    assume(not any(isinstance(value, str) and not value.strip() for value in body.values()))  # empty in a file
    text = EventSerializer(table)(row_adapter(table).validate_python(body))

    checked = checked_frame(table, pd.DataFrame([row_of(text)]), "stored events", training=False)

    assert [EventSerializer(table)(row) for row in plain_rows(table, checked)] == [text]


def test_other_spellings_of_the_same_values_are_the_same():
    """Whole numbers, flags, levels and moments in other zones."""
    table = Table(
        name="t",
        columns=(
            Column(name="n", kind="number"),
            Column(name="f", kind="flag"),
            Column(name="k", kind="key"),
            Column(name="at", kind="time"),
        ),
    )
    read, written = row_adapter(table).validate_python, EventSerializer(table)

    one = written(read({"n": 3, "f": True, "k": 7, "at": "2024-03-01T09:00:00+09:00"}))

    assert one == written(read({"n": 3.0, "f": 1, "k": "7", "at": "2024-03-01T00:00:00"}))
    assert row_of(one) == {"n": 3.0, "f": True, "k": "7", "at": "2024-03-01T00:00:00"}


def test_a_moment_is_told_in_utc():
    """As it is in messages."""
    assert moment(86_400 * 365) == "1971-01-01T00:00:00"
