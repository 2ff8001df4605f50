"""Rules as they are declared: what they may say, how they are written, and which tables they fit."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from data.column import Column
from data.table import Table
from models.decisions.policy_values import checked_policy
from models.decisions.rules.conditions import Condition, Rule, check_rules, rules_of
from models.domains._discovery import load_domains
from models.errors import PolicyError, RuleError

FRAUD = load_domains()["fraud"]

TABLE = Table(
    name="cards",
    columns=(
        Column(name="amount", kind="number", unit="EUR"),
        Column(name="when", kind="time", role="time"),
        Column(name="card", kind="key", role="entity"),
        Column(name="country_mismatch", kind="flag"),
        Column(name="contactless", kind="flag", levels=("N", "Y")),
        Column(name="channel", kind="category", levels=("chip", "online"), missing=("?",)),
        Column(name="shop", kind="category"),
        Column(name="note", kind="text", role="ignore"),
        Column(name="fraud", kind="flag", role="target"),
    ),
)


def rule(*conditions, **changes):
    return Rule.model_validate({"name": "r", "action": "review", "when": conditions, **changes})


def on(column, **comparison):
    return {"column": column, **comparison}


def test_a_rule_is_written_as_short_as_it_is_read():
    """They survive a JSON round trip, and unset fields are not written."""
    written = rule(on("amount", above=500), on("country_mismatch", **{"is": True}), on("shop", one_of=["a", 3]))

    assert Rule.model_validate_json(written.model_dump_json()) == written
    assert written.model_dump(mode="json")["when"] == [
        {"column": "amount", "above": 500.0},
        {"column": "country_mismatch", "is": True},
        {"column": "shop", "one_of": ["a", "3"]},
    ]


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (on("amount"), "exactly one of above, at_least, .* that on 'amount' has none"),
        (on("amount", above=1, below=2), "that on 'amount' has above and below"),
        (on("amount", above="1"), "above\n.*valid number"),
        (on("amount", above=True), "above\n.*valid number"),
        (on("amount", above=float("nan")), "above\n.*finite number"),
        (on("amount", over=3), "over\n.*not permitted"),
        (on("shop", one_of=[]), "one_of\n.*at least 1 item"),
        (on("shop", one_of="ab"), "one_of\n.*valid tuple"),
        (on("shop", **{"is": ["a"]}), "is\n.*must be a text or a number"),
        (on("shop", **{"is": " "}), "is\n.*must be a text or a number"),
        (on("shop", one_of=["a", {}]), "one_of.1\n.*must be a text or a number"),
        (on("shop", not_one_of=[True]), "not_one_of.0\n.*valid string"),
    ],
)
def test_a_condition_that_says_too_little_or_too_much_is_refused(condition, words):
    """One comparison, of the right type."""
    with pytest.raises(ValidationError, match=words):
        Condition.model_validate(condition)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"when": []}, "when\n.*at least 1 item"),
        ({"action": "decline"}, "action\n.*'block', 'review' or 'allow'"),
        ({"name": "too many words"}, "name\n.*pattern"),
        ({"active": True}, "active\n.*not permitted"),
    ],
)
def test_a_rule_that_cannot_be_told_or_does_nothing_is_refused(changes, words):
    """A plain name, an action of the three, at least one condition."""
    with pytest.raises(ValidationError, match=words):
        rule(on("amount", above=1), **changes)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (on("amout", above=1), "table 'cards' has no such column for rules; did you mean 'amount'?"),
        (on("x", above=1), "rules may use amount, card, country_mismatch, contactless, channel, shop"),
        (on("when", above=1), "no such column for rules"),
        (on("fraud", **{"is": True}), "no such column for rules"),
        (on("note", **{"is": "x"}), "no such column for rules"),
        (on("channel", above=1), "'above' is for numbers, this is a category; use is, one_of or not_one_of"),
        (on("card", at_most=1), "'at_most' is for numbers, this is a key"),
        (on("amount", **{"is": "1"}), "'is' is not for numbers; use one of above, at_least, below, at_most"),
        (on("amount", one_of=[1]), "'one_of' is not for numbers"),
        (on("channel", **{"is": "phone"}), "has no level 'phone'; its levels are chip, online"),
        (on("channel", not_one_of=["chip", "post"]), "has no level 'post'"),
        (on("channel", one_of=["?"]), "'?' means 'no value' there, and an empty value satisfies no condition"),
        (on("channel", **{"is": True}), "true and false are for flags, this is a category"),
        (on("contactless", **{"is": "maybe"}), "is never 'maybe'; it is N or Y"),
        (on("country_mismatch", **{"is": "never"}), "is never 'never'; it is true or false"),
        (on("country_mismatch", one_of=["1"]), "'one_of' is not for flags; use 'is'"),
    ],
)
def test_a_rule_that_does_not_fit_the_table_is_explained(condition, words):
    """Rule and column are named, and what is allowed."""
    with pytest.raises(RuleError) as caught:
        check_rules([rule(on("amount", above=1)), rule(condition, name="second")], TABLE)

    assert str(caught.value).startswith(f"rule 'second', column {condition['column']!r}: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "condition",
    [
        on("amount", at_most=3),
        on("card", one_of=[1, "C2"]),
        on("card", **{"is": "C3"}),
        on("country_mismatch", **{"is": False}),
        on("country_mismatch", **{"is": 1}),
        on("contactless", **{"is": "Y"}),
        on("contactless", **{"is": True}),
        on("channel", not_one_of=["chip"]),
        on("shop", **{"is": "anything"}),
    ],
)
def test_a_rule_that_fits_is_let_through(condition):
    """Each kind of column with the comparisons that it knows."""
    check_rules([rule(condition)], TABLE)


def test_only_policies_for_transactions_have_rules():
    """Elsewhere there are none, and none can be given."""
    kept = FRAUD.policy(rules=(rule(on("amount_eur", above=1)),))

    assert [found.name for found in rules_of(kept)] == ["r"]
    for name, domain in load_domains().items():
        assert rules_of(domain.policy()) == ()
        if name != "fraud":
            with pytest.raises(PolicyError, match="'rules' is not a field of this policy"):
                checked_policy(domain.policy, {"rules": []})


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([{"name": "a", "action": "stop", "when": [on("amount_eur", above=1)]}], "rules 1, action: input should be"),
        (
            [rule(on("amount_eur", above=1)).model_dump(), {"name": "b", "action": "block", "when": [on("x", over=1)]}],
            "rules 2, when 1: unknown field 'over'",
        ),
        ([rule(on("amount_eur", above=1)).model_dump()] * 2, "rules: more than one rule is called 'r'"),
    ],
)
def test_what_is_wrong_with_a_policys_rules_is_told_by_their_place(rules, words):
    """As for the other fields, with the parts of the list counted from 1."""
    with pytest.raises(PolicyError, match=words):
        checked_policy(FRAUD.policy, {"rules": rules})
