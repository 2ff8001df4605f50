"""How the rows of a job are to be divided."""

from __future__ import annotations

import dataclasses

import pytest

from data.window import Window
from models.domains._discovery import load_domains
from models.training.rows import split_for

FRAUD = load_domains()["fraud"]
WITHOUT_WINDOWS = dataclasses.replace(FRAUD.table, columns=FRAUD.table.file_columns)


@pytest.mark.parametrize("days", [2.5, 14.0])
def test_labels_take_as_long_as_the_windows_of_the_table_say(days: float) -> None:
    """A table of one's own knows better than the domain."""
    window = Window(entity="terminal_id", measure="risk", days=28, label_delay_days=days)
    risk = dataclasses.replace(FRAUD.table["terminal_id_risk_28d"], window=window)
    table = dataclasses.replace(WITHOUT_WINDOWS, columns=(*WITHOUT_WINDOWS.columns, risk))

    assert (split_for(table, FRAUD).kind, split_for(table, FRAUD).label_delay_days) == ("time", days)


def test_without_windows_the_domain_says() -> None:
    """And without a time rows are divided at random."""
    timeless = WITHOUT_WINDOWS.with_columns({"time": {"role": "ignore"}})

    assert split_for(WITHOUT_WINDOWS, FRAUD).label_delay_days == FRAUD.split.label_delay_days
    assert split_for(timeless, FRAUD).kind == "random"
