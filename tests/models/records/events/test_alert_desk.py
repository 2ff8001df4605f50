"""Alerts: opened and joined as events are stored, one for each card."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from data.column import Column
from data.table import Table
from models.answers.respond import respond
from models.domains._discovery import load_domains
from models.domains.fraud import FraudPolicy
from models.records.events.alert_desk import alert_intake_of, expected_loss
from models.records.events.alert_views import subject_events
from models.records.events.event_log import Arrival
from models.registry.database import schema as tables
from models.registry.database.engine import open_database
from models.registry.database.migrations import create_schema
from tests.conftest import quick_live
from tests.models.records.events.payments import TABLE, HandClock, Payments


def test_a_review_opens_an_alert_that_says_what_is_at_stake(payments):
    """Card, worst event, expected loss and the reasons in words."""
    payments.send("allow", 0.01, 30)
    payments.send("review", 0.25, 80)

    [alert] = payments.queue.alerts("open", 50).alerts

    assert (alert.card, alert.n_events, alert.worst_event, alert.status) == ("C1", 1, "fraud-2", "open")
    assert alert.expected_loss == pytest.approx(0.25 * 80)
    assert (alert.opened, alert.last_event) == (payments.clock(), payments.clock())
    assert alert.answer["reasons"][0]["text"] == "Much money"


def test_an_answer_that_passes_costs_no_statement(payments):
    """Nothing is looked up or written for a normal event."""
    row, answer = payments.payment("allow", 0.01)
    statements: list[str] = []
    with payments.engine.connect() as connection:
        sa.event.listen(payments.engine, "before_cursor_execute", lambda *parts: statements.append(parts[2]))
        desk = alert_intake_of(payments.live, payments.clock)
        sent = desk.on_stored(connection, [Arrival(row["id"], 0, row, "A", "A", answer)])

    assert (sent, statements) == ([answer], [])


def test_the_events_of_a_card_join_its_open_alert(payments):
    """The worst one is shown, and the first of equally bad ones; other cards have alerts of their own."""
    payments.send("review", 0.2, 100)
    payments.send("block", 0.9, 10)
    payments.send("review", 0.4, 100)
    payments.send("block", 0.8, 50)
    payments.send("review", 0.5, 1, card="C2")

    first, second = payments.queue.alerts("open", 50).alerts

    assert (first.card, first.n_events, first.worst_event) == ("C1", 4, "fraud-3")
    assert first.answer["prediction_id"] == "fraud-3"
    assert (second.card, second.n_events) == ("C2", 1)


def test_events_of_one_transaction_open_one_alert(payments):
    """A batch with several suspicious events of a card."""
    payments.send_all([payments.payment("review", p, card=card) for p, card in [(0.2, "A"), (0.3, "B"), (0.4, "A")]])

    assert [(one.card, one.n_events) for one in payments.queue.alerts("open", 50).alerts] == [("A", 2), ("B", 1)]


def test_an_event_that_is_sent_again_joins_nothing(payments):
    """The same event is counted once."""
    payment = payments.payment("review")
    first = payments.send_all([payment])

    assert payments.send_all([payment]) == first
    assert payments.queue.alerts("open", 50).alerts[0].n_events == 1


def test_an_event_without_a_card_has_an_alert_of_its_own(payments):
    """Two such events are two alerts, each with its own event as what happened lately."""
    payments.send("review", card=None)
    payments.send("review", card=None)

    found = payments.queue.alerts("open", 50).alerts

    assert [(one.card, one.n_events, [event.id for event in one.recent]) for one in found] == [
        (None, 1, ["fraud-1"]),
        (None, 1, ["fraud-2"]),
    ]


def test_a_table_without_a_subject_has_no_events_of_one(payments):
    """Whatever is asked for."""
    payments.send("review")
    nobody = Table(name="plain", columns=tuple(one for one in TABLE.columns if one.role != "entity" and not one.window))
    with payments.engine.connect() as connection:
        seen = [subject_events(connection, table, payments.live.queue, "fraud", "C1") for table in (TABLE, nobody)]
    assert [[event.id for event in events] for events in seen] == [["fraud-1"], []]


@pytest.mark.parametrize(("eur", "loss"), [(80.0, 20.0), (None, 0.0), (-1, 0.0)], ids=["given", "missing", "code"])
def test_an_amount_that_is_not_given_is_no_loss(eur, loss):
    """As past transactions are counted; a code for "not given" is none either."""
    table = TABLE.with_columns({"eur": {"missing": (-1,)}})
    assert expected_loss(table, {"eur": eur}, 0.25) == loss


def test_without_an_amount_the_loss_is_the_probability():
    """The order of the queue is then that of the probabilities."""
    table = Table(name="x", description="x", columns=(Column(name="a", description="a", kind="number"),))
    assert expected_loss(table, {"a": 1}, 0.25) == 0.25


def test_the_queue_shows_what_the_card_did_lately(payments):
    """The last ten events, the newest first, with what was answered and what is known of them."""
    for second in range(12):
        payments.send("review" if second == 11 else "allow", 0.5, second, shop=f"S{second}")
        payments.clock.forward(seconds=1)
    payments.send("allow", card="C2")

    [alert] = payments.queue.alerts("open", 50).alerts

    assert [event.amount for event in alert.recent] == list(range(11, 1, -1))
    assert [event.decision for event in alert.recent] == ["review"] + ["allow"] * 9
    assert [event.in_alert for event in alert.recent] == [True] + [False] * 9
    assert {event.label for event in alert.recent} == {None}
    assert alert.recent[0].probability == 0.5


def test_one_alert_stays_open_whatever_the_workers_do_at_once(url):
    """Two processes' worth of engines, eight threads: each card has one alert with all of its events."""
    engines = [open_database(url) for _ in range(2)]
    create_schema(engines[0])
    workers = [Payments(engines[i % 2], clock=HandClock()) for i in range(4)]

    def work(i: int) -> None:
        for n in range(10):
            worker = workers[i % 4]
            worker.send("block", id=f"{i}-{n}", card=f"C{n % 3}", shop=f"S{i}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    found = workers[0].queue.alerts("open", 50).alerts

    assert sorted((one.card, one.n_events) for one in found) == [("C0", 32), ("C1", 24), ("C2", 24)]
    assert len(workers[0].stored(tables.alert_events)) == 80
    for engine in engines:
        engine.dispose()


def test_a_queue_shows_reasons_that_the_caller_did_not_ask_for():
    """The stored answer stays as it was asked for; the alert is explained."""
    live = replace(quick_live(load_domains()["fraud"]), policy=FraudPolicy(review_from=0))
    row = live.table.example() | {column.name: None for column in live.table.windows}
    row[live.table.time.name] = datetime.fromisoformat(row[live.table.time.name])
    [answer] = respond(live, [row], ["p"], reasons="none")
    arrival = Arrival("1", 0, row, "A", "A", answer)
    engine = open_database("sqlite://")
    create_schema(engine)
    with engine.begin() as connection:
        sent = alert_intake_of(live, HandClock()).on_stored(connection, [arrival])
    with engine.begin() as connection:
        [shown] = connection.execute(sa.select(tables.alerts.c.worst_answer)).scalars()

    assert sent == [answer]
    assert json.loads(shown)["fraud_probability"] == answer.fraud_probability
    assert json.loads(shown)["reasons"]
    engine.dispose()


cards = st.sampled_from("ABC")
actions = st.lists(
    st.one_of(
        st.tuples(st.just("event"), cards, st.sampled_from(["allow", "review", "block"]), st.integers(0, 100)),
        st.tuples(st.just("verdict"), cards, st.sampled_from(["confirmed", "cleared", "unsure"])),
        st.tuples(st.just("wait"), st.sampled_from([1, 10, 30])),
    ),
    max_size=25,
)


@given(actions)
@settings(max_examples=25)
def test_the_queue_is_that_of_a_plain_list(done):
    """Whatever happens in whatever order: the same alerts, snoozes and labels as a list kept by hand."""
    engine = open_database("sqlite://")
    create_schema(engine)
    payments = Payments(engine, late_days=100)
    alerts_by_hand: list[dict[str, Any]] = []
    labels: dict[str, bool] = {}
    for action in done:
        if action[0] == "wait":
            payments.clock.forward(hours=action[1])
        elif action[0] == "event":
            by_hand_event(alerts_by_hand, payments, *action[1:])
        elif open_ones := [one for one in alerts_by_hand if one["card"] == action[1] and one["status"] == "open"]:
            payments.queue.decide(open_ones[0]["id"], action[2], by="Ada", note="")
            by_hand_verdict(open_ones[0], action[2], payments, labels)

    for one in alerts_by_hand:
        shown = payments.queue.alert(one["id"])
        assert (shown.card, shown.status, shown.n_events) == (one["card"], one["status"], len(one["losses"]))
        assert shown.expected_loss == max(one["losses"].values())
        assert one["losses"][shown.worst_event] == shown.expected_loss
    stored = {label["event_id"]: label["positive"] for label in payments.stored(tables.event_labels)}
    assert stored == labels
    assert len(payments.stored(tables.alerts)) == len(alerts_by_hand)
    engine.dispose()


def by_hand_event(alerts_by_hand, payments, card, decision, eur):
    """Send an event, check its answer, and put it where it belongs."""
    of_card = [one for one in alerts_by_hand if one["card"] == card]
    snoozed = any(one.get("until") and one["until"] > payments.clock() for one in of_card)
    answer = payments.send(decision, 0.5, eur, card=card)
    if decision == "review" and snoozed:
        assert answer["decision"] == "allow"
        return
    assert answer["decision"] == decision
    if decision == "allow":
        return
    event_id = f"fraud-{payments.n_sent}"
    newest = of_card[-1] if of_card else None
    if newest is None or newest["status"] != "open":
        carried = dict(newest["losses"]) if newest and newest["status"] == "unsure" else {}
        newest = {"id": len(alerts_by_hand) + 1, "card": card, "status": "open", "losses": carried}
        alerts_by_hand.append(newest)
    newest["losses"][event_id] = 0.5 * eur


def by_hand_verdict(alert, verdict, payments, labels):
    """What a verdict does."""
    alert["status"] = verdict
    if verdict == "cleared":
        alert["until"] = payments.clock() + timedelta(hours=24)
    if verdict != "unsure":
        labels.update(dict.fromkeys(alert["losses"], verdict == "confirmed"))
