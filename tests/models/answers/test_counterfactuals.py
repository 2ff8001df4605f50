"""What would change a decision: guaranteed by the live model, actionable, small, and not missed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.checking import checked_frame
from models.answers.counterfactuals import counterfactuals
from models.answers.respond import respond
from models.contract import LiveModel, Row
from models.domains._discovery import load_domains
from models.domains.credit.policy import CreditPolicy
from models.presets import PRESETS
from tests.conftest import quick_live

CREDIT = load_domains()["credit"]
COUNTERFACTUALS = next(operation for operation in CREDIT.operations if operation.name == "counterfactuals")


@pytest.fixture(scope="module")
def live() -> LiveModel:
    """A quickly trained credit model."""
    return quick_live(CREDIT)


@pytest.fixture(scope="module")
def rows(live: LiveModel) -> list[dict[str, Any]]:
    """Applicants as they come out of a request's check."""
    frame = CREDIT.simulate(150, 5).frame[[column.name for column in live.table.inputs]].astype(object)
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def decision(live: LiveModel, row: Row) -> str:
    [answer] = respond(live, [row], ["id"], reasons="none")
    return answer.decision  # type: ignore[attr-defined, no-any-return]


def test_every_way_is_approved_and_touches_only_what_it_may(live: LiveModel, rows: list[dict[str, Any]]) -> None:
    """At most three, actionable columns only, values within the table's range, the fewest changes first."""
    n_adverse = 0
    for row in rows:
        ways = counterfactuals(live, row)
        if decision(live, row) == "approve":
            assert ways == []
            continue
        n_adverse += 1
        assert len(ways) <= 3
        assert [len(way) for way in ways] == sorted(len(way) for way in ways)
        for way in ways:
            assert decision(live, {**row, **way}) == "approve"
            for name, value in way.items():
                column = live.table[name]
                assert column.actionable
                assert value != row[name]
                if column.kind == "number":
                    assert column.minimum <= value <= column.maximum  # type: ignore[operator]
                    assert not column.whole or value == int(value)
    assert n_adverse > 30


def test_no_single_change_is_missed(live: LiveModel, rows: list[dict[str, Any]]) -> None:
    """Brute force over the usual values, one answer at a time: the same columns can do it alone."""
    actionable = [column.name for column in live.table.inputs if column.actionable]
    for row in [row for row in rows if decision(live, row) != "approve"][:15]:
        alone = {
            name
            for name in actionable
            for value in live.scorer.background.usual_values[name]
            if value != row[name] and decision(live, {**row, name: value}) == "approve"
        }
        found = {next(iter(way)) for way in counterfactuals(live, row, n_most=50) if len(way) == 1}
        assert found == alone


def test_a_number_is_changed_no_more_than_needed(live: LiveModel, rows: list[dict[str, Any]]) -> None:
    """Half of the change is not enough, or is rounded to the same number."""
    n_checked = 0
    for row in rows:
        for way in counterfactuals(live, row):
            [(name, value), *more] = way.items()
            if more or live.table[name].kind != "number" or row[name] is None or live.table[name].whole:
                continue
            n_checked += 1
            assert decision(live, {**row, name: row[name] + (value - row[name]) / 2}) != "approve"
    assert n_checked > 10


def test_no_way_contains_another(live: LiveModel, rows: list[dict[str, Any]]) -> None:
    """A change of two columns is not suggested if one column suffices."""
    for row in rows:
        touched = [set(way) for way in counterfactuals(live, row)]
        assert not any(one <= other for i, one in enumerate(touched) for other in touched[:i] + touched[i + 1 :])


def test_the_answer_says_why_there_is_no_way(live: LiveModel, rows: list[dict[str, Any]]) -> None:
    """Approved already, nothing to change, or nothing found."""
    approved = next(row for row in rows if decision(live, row) == "approve")
    declined = next(row for row in rows if decision(live, row) == "decline")
    fixed = live.table.with_columns({c.name: {"actionable": False} for c in live.table.inputs})
    nobody = replace(live, policy=CreditPolicy(approve_below=0, decline_from=0))
    plain = CREDIT.build(fixed, PRESETS["fast"], 0)
    plain.__dict__ |= {**live.scorer.__dict__, "table": fixed}

    for model, row, words in (
        (live, approved, "is already approved"),
        (nobody, declined, "None found"),
        (replace(live, scorer=plain), declined, "marks no column as actionable"),
    ):
        answer: Any = COUNTERFACTUALS.respond(model, row, "id")
        assert answer.counterfactuals == []
        assert words in answer.note

    answer = COUNTERFACTUALS.respond(live, declined, "id")
    assert answer.note == ""
    assert all(way.decision == "approve" and way.changes[0].text for way in answer.counterfactuals)


def test_the_reference_is_the_typical_accepted_applicant(live: LiveModel) -> None:
    """After `refer_to`: the medians of the rows it was given, and reasons compare with them."""
    frame = checked_frame(live.table, CREDIT.simulate(500, 7).frame, "simulated rows", training=True)
    scorer = CREDIT.build(live.table, PRESETS["fast"], 0)
    scorer.__dict__ |= live.scorer.__dict__
    scorer.refer_to(frame[frame["savings_eur"] > 5_000], "savers")

    assert scorer.background.reference_group.endswith(" savers")
    savings = frame["savings_eur"][frame["savings_eur"] > 5_000]
    assert scorer.reference_row["savings_eur"] == savings.quantile(0.5, interpolation="lower")
    X = scorer.encoder.transform(frame)
    base = scorer.log_odds(scorer.reference[None])[0]
    for x, log_odds in zip(X[:50], scorer.log_odds(X)[:50], strict=True):
        explained = scorer.explain(x)
        assert abs(explained.shares.sum() - (log_odds - base)) < 1e-9
        np.testing.assert_array_equal([explained.base, explained.log_odds], [base, log_odds])
