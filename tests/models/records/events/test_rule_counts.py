"""Live hits of rules: counted once, by day, and by what became of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.decisions.rules.conditions import Rule
from models.domains.fraud import FraudPolicy
from models.records.events.rule_counts import rule_counts
from models.registry.database import schema as tables
from models.registry.database.engine import reading, writing
from tests.models.records.events.payments import LATE, Payments
from tests.models.records.labels import add, label


def rule(name, **parts):
    return Rule(name=name, action="review", when=[{"column": "eur", "above": 50}], **parts)


@pytest.fixture
def payments(engine):
    policy = FraudPolicy(rules=(rule("large"), rule("shadow", live=False), rule("never")))
    return Payments(engine, table=LATE, policy=policy, late_days=100)


def counts(payments):
    with reading(payments.engine) as connection:
        found = rule_counts(connection, payments.live, payments.clock())
    return {one.rule.name: one for one in found}


def test_hits_are_counted_by_day(payments):
    """Today, the last seven days, and all that are kept; a rule that decides nothing counts as well."""
    ages = [0, 0.4, 0.6, 6.9, 7.1, 20]  # days before noon of today
    now = payments.clock.moment
    for age in sorted(ages, reverse=True):
        payments.clock.moment = now - timedelta(days=age)
        payments.send("review", rules=["large"] if age else ["large", "shadow"])
    payments.clock.moment = now

    found = counts(payments)

    large = found["large"]
    assert (large.n_today, large.n_7_days, large.n_kept) == (2, 4, 6)
    assert (found["shadow"].n_today, found["shadow"].n_kept) == (1, 1)
    assert found["never"].n_kept == 0
    assert large.condition == "Amount above 50 EUR"


def test_an_event_that_is_sent_again_is_one_hit(payments):
    """The hit is stored with the event."""
    payment = payments.payment("allow", rules=["large"])
    for _ in range(3):
        payments.send_all([payment])

    assert counts(payments)["large"].n_kept == 1


def test_hits_are_right_once_their_labels_have_matured(payments):
    """Only events older than labels take count; the latest label holds; a label that is not known yet is none."""
    for event_id in ("fraud", "genuine", "corrected", "later"):
        payments.send("review", id=event_id, rules=["large"])
    payments.clock.forward(days=7)
    payments.send("review", id="young", rules=["large"])
    now = int(payments.clock().timestamp())
    said = [("fraud", True, now), ("corrected", True, now), ("corrected", False, now), ("later", True, now + 1)]
    with writing(payments.engine) as connection:
        labels = [label(*one) for one in said]
        labels.append(label("young", True, now))
        add(connection, payments.model, labels)

    large = counts(payments)["large"]

    assert (large.n_kept, large.n_matured, large.n_frauds) == (5, 4, 1)


def test_hits_roll_out_with_their_events(engine):
    """What is counted is what is kept."""
    payments = Payments(engine, policy=FraudPolicy(rules=(rule("large"),)))
    payments.send("review", rules=["large"])
    payments.clock.forward(days=3)
    payments.send("review", rules=["large"])

    assert counts(payments)["large"].n_kept == 1
    assert len(payments.stored(tables.event_rule_hits)) == 1


def test_a_label_that_is_taken_back_is_none(payments):
    """Neither fraud nor genuine is known then."""
    payments.send("review", id="1", rules=["large"])
    payments.clock.forward(days=8)
    with writing(payments.engine) as connection:
        for fraud in (True, None):
            add(connection, payments.model, [label("1", fraud, 0)])

    assert counts(payments)["large"].n_frauds == 0
