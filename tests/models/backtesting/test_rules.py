"""The backtest of rules, against a count of past rows one by one."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from data.windows import checked_history
from models.answers.respond import respond
from models.backtesting.past_rows import PastRows
from models.backtesting.rules import RulesBacktest, backtest_rules
from models.contract import LiveModel
from models.decisions.rules.conditions import Rule
from models.domains._discovery import load_domains
from models.errors import PolicyError, RuleError
from tests.conftest import quick_live

FRAUD = load_domains()["fraud"]
RULES = [
    Rule.model_validate(rule)
    for rule in (
        {"name": "large", "action": "block", "when": [{"column": "amount_eur", "above": 150}]},
        {
            "name": "abroad",
            "action": "review",
            "live": False,
            "when": [{"column": "country_mismatch", "is": True}, {"column": "amount_eur", "above": 60}],
        },
        {"name": "chip", "action": "allow", "when": [{"column": "channel", "is": "chip"}]},
        {"name": "never", "action": "review", "when": [{"column": "amount_eur", "above": 999_999}]},
    )
]


@pytest.fixture(scope="module")
def live() -> LiveModel:
    """A model that alerts often, and whose own policy has a rule already."""
    policy = FRAUD.policy(review_from=0.03, block_from=0.2, rules=(RULES[0],))
    return dataclasses.replace(quick_live(FRAUD), policy=policy)


@pytest.fixture(scope="module")
def past(live: LiveModel) -> PastRows:
    frame, labels = checked_history(live.table, FRAUD.simulate(900, 21).frame, "past")
    return PastRows.scored(live, frame, labels, "past rows")


def hit_by(row: dict[str, Any]) -> dict[str, bool]:
    """Which of RULES a row hits, written out."""
    return {
        "large": row["amount_eur"] > 150,
        "abroad": row["country_mismatch"] in ("1", "true", "True") and row["amount_eur"] > 60,
        "chip": row["channel"] == "chip",
        "never": False,
    }


def counted(rows: list[dict[str, Any]], is_hit: Any, alerts: Any) -> dict[str, Any]:
    """The figures of hits, counted row by row; `alerts` says of a row whether it is an alert with the rule."""
    hit = [row for row in rows if is_hit(row)]
    n_days = len({row["time"].date() for row in rows})
    released = [row for row in rows if row["alerted"] and not alerts(row)]
    n_frauds = sum(row["is_fraud"] for row in hit)
    return {
        "n_rows": len(hit),
        "n_frauds": n_frauds,
        "precision": n_frauds / len(hit) if hit else None,
        "recall": n_frauds / sum(row["is_fraud"] for row in rows),
        "amount_of_frauds": sum(row["amount_eur"] for row in hit if row["is_fraud"]),
        "n_good_rows": len(hit) - n_frauds,
        "n_good_cards": len({row["customer_id"] for row in hit if not row["is_fraud"]}),
        "n_caught_anyway": sum(row["alerted"] for row in hit),
        "n_new": sum(not row["alerted"] for row in hit),
        "n_new_frauds": sum(not row["alerted"] and row["is_fraud"] for row in hit),
        "n_released": len(released),
        "n_released_frauds": sum(row["is_fraud"] for row in released),
        "extra_alerts_per_day": (sum(map(alerts, rows)) - sum(row["alerted"] for row in rows)) / n_days,
    }


def test_every_figure_is_that_of_the_rows_counted_one_by_one(live: LiveModel, past: PastRows) -> None:
    """Each rule alone as though live, and all together, beside the model without any rule."""
    plain = past.frame.drop(columns="fraud").astype(object)
    rows = plain.where(plain.notna(), None).to_dict("records")
    alone = dataclasses.replace(live, policy=FRAUD.policy(review_from=0.03, block_from=0.2))
    for row, label in zip(rows, past.labels.tolist(), strict=True):
        (answer,) = respond(alone, [dict(row)], ["id"], reasons="none")
        row.update(hits=hit_by(row), alerted=answer.decision != "allow", is_fraud=bool(label))  # type: ignore[attr-defined]

    found = backtest_rules(live, past, RULES)

    by_rule = {
        "large": lambda row: row["alerted"] or row["hits"]["large"],
        "abroad": lambda row: row["alerted"] or row["hits"]["abroad"],
        "chip": lambda row: row["alerted"] and not row["hits"]["chip"],
        "never": lambda row: row["alerted"],
    }
    for rule, (name, alerts) in zip(found.rules, by_rule.items(), strict=True):
        expected = counted(rows, lambda row, name=name: row["hits"][name], alerts)
        assert rule.model_dump(include=set(expected)) == pytest.approx(expected), name
    caught = {"large", "abroad"}
    together = counted(
        rows,
        lambda row: any(row["hits"][name] for name in caught),
        lambda row: any(row["hits"][name] for name in caught) or (row["alerted"] and not row["hits"]["chip"]),
    )
    assert found.together.model_dump(include=set(together)) == pytest.approx(together)
    assert together["n_new_frauds"] + together["n_caught_anyway"] > 0 < together["n_released"]
    assert (found.n_rows, found.n_frauds) == (900, past.labels.sum())
    assert found.amount_of_frauds == pytest.approx(sum(row["amount_eur"] for row in rows if row["is_fraud"]))
    assert found.model_alerts_per_day == pytest.approx(sum(row["alerted"] for row in rows) / found.n_days)
    assert [(rule.rule, rule.action, rule.live) for rule in found.rules] == [
        (rule.name, rule.action, rule.live) for rule in RULES
    ]


def test_a_backtest_is_json_and_back(live: LiveModel, past: PastRows) -> None:
    """No NaN where a rule hits nothing."""
    found = backtest_rules(live, past, RULES)

    assert RulesBacktest.model_validate_json(found.model_dump_json()) == found
    assert (found.rules[3].n_rows, found.rules[3].precision, found.rules[3].recall) == (0, None, 0)


def test_a_table_that_knows_little_leaves_out_what_it_cannot_say(live: LiveModel, past: PastRows) -> None:
    """Without a time, ids and an amount nothing is said about days, cards and value."""
    unused: dict[str, dict[str, Any]] = {name: {"role": "ignore"} for name in ("time", "customer_id", "terminal_id")}
    given = tuple(column for column in FRAUD.table.columns if column.window is None)
    table = dataclasses.replace(FRAUD.table, columns=given)
    table = table.with_columns({**unused, "amount_eur": {"amount": False}})
    bare = quick_live(dataclasses.replace(FRAUD, table=table))
    frame, labels = checked_history(bare.table, FRAUD.simulate(900, 21).frame, "past")

    found = backtest_rules(bare, PastRows.scored(bare, frame, labels, "past rows"), RULES)

    assert (found.n_days, found.model_alerts_per_day, found.amount_of_frauds) == (None, None, None)
    for rule in found.rules:
        assert (rule.extra_alerts_per_day, rule.n_good_cards, rule.amount_of_frauds) == (None, None, None)
    assert [rule.n_rows for rule in found.rules] == [rule.n_rows for rule in backtest_rules(live, past, RULES).rules]


def test_rules_that_fit_no_table_or_no_domain_are_refused(live: LiveModel, past: PastRows) -> None:
    """Rules are for decisions on transactions, and for columns that are there."""
    wrong = Rule.model_validate({"name": "r", "action": "block", "when": [{"column": "amount", "above": 1}]})
    with pytest.raises(RuleError, match="rule 'r', column 'amount'"):
        backtest_rules(live, past, [*RULES, wrong])
    credit = load_domains()["credit"]
    with pytest.raises(PolicyError, match="a policy for credit has no rules"):
        backtest_rules(dataclasses.replace(live, domain=credit, policy=credit.policy()), past, RULES)
