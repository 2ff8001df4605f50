"""When a target's event reads like the good outcome."""

from __future__ import annotations

import pandas as pd
import pytest

from data.column import Column
from data.inference.events import event_question
from data.table import Table


@pytest.mark.parametrize(
    ("name", "positive", "other", "share", "asks"),
    [
        ("Loan_Status", "Y", "N", 0.7, True),
        ("loanStatus", "1", "0", 0.7, True),
        ("Loan_Status", "Y", "N", 0.3, False),
        ("class", "good", "bad", 0.7, True),
        ("status", "Fully Paid", "Charged Off", 0.8, True),
        ("approved", "yes", "no", 0.3, True),
        ("class", "bad", "good", 0.3, False),
        ("defaulted", "yes", "no", 0.6, False),
        ("approved", "no", "yes", 0.3, False),
    ],
)
def test_names_and_counts_decide(name: str, positive: str, other: str, share: float, asks: bool) -> None:
    """The question names both values, and what to write."""
    n_events = round(1_000 * share)
    frame = pd.DataFrame({"x": range(1_000), name: [positive] * n_events + [other] * (1_000 - n_events)})
    target = Column(name=name, kind="category", role="target", levels=(positive, other), positive=positive)

    question = event_question(Table(name="t", columns=(Column(name="x", kind="number"), target)), frame)

    assert bool(question) is asks
    if asks:
        assert f"is {name} = {positive!r} the event?" in question
        assert f"positive = {other!r}" in question
