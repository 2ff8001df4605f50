"""What people say about alerts: labels, corrections, and cards that are left alone."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from data.table import Table
from models.domains._discovery import load_domains
from models.domains.fraud import FraudPolicy
from models.errors import NoQueueError, UnknownAlertError
from models.records.events import event_log, review_queue
from models.records.events.alert_desk import alert_intake_of
from models.records.events.review_queue import ReviewQueue
from models.registry.database import schema as tables
from models.registry.database.engine import recording, writing
from tests.models.records.events.payments import TABLE, Payments
from tests.models.records.labels import add, label


def labels_of(payments):
    """What was said of each event, in the order in which it came."""
    rows = sorted(payments.stored(tables.event_labels), key=lambda row: row["id"])
    return [(row["event_id"], row["positive"], row["source"]) for row in rows]


def say(payments, number, verdict, by="Ada", note=""):
    return payments.queue.decide(number, verdict, by=by, note=note)


def test_the_queue_shows_the_highest_expected_loss_first(payments):
    """At most the requested number, of the requested status."""
    for card, eur in (("A", 10), ("B", 90), ("C", 50)):
        payments.send("review", 0.5, eur, card=card)
    say(payments, 2, "confirmed")

    assert [alert.card for alert in payments.queue.alerts("open", 50).alerts] == ["C", "A"]
    assert [alert.card for alert in payments.queue.alerts("open", 1).alerts] == ["C"]
    assert [alert.card for alert in payments.queue.alerts("confirmed", 50).alerts] == ["B"]
    assert payments.queue.alerts("confirmed", 50).n_open == 2


@pytest.mark.parametrize(("verdict", "fraud"), [("confirmed", True), ("cleared", False)])
def test_a_verdict_is_the_label_of_all_events_of_the_alert(payments, verdict, fraud):
    """And of no others; it is known from now on, and kept with who said so and why."""
    payments.send("allow")
    payments.send("review")
    payments.send("block")
    payments.clock.forward(hours=1)

    alert = say(payments, 1, verdict, note="called the holder")

    assert labels_of(payments) == [("fraud-2", fraud, "verdict"), ("fraud-3", fraud, "verdict")]
    assert {row["known"] for row in payments.stored(tables.event_labels)} == {int(payments.clock().timestamp())}
    assert (alert.status, alert.closed) == (verdict, payments.clock())
    assert [(said.by, said.note, said.at) for said in alert.verdicts] == [
        ("Ada", "called the holder", payments.clock())
    ]
    word = "fraud" if fraud else "genuine"
    assert {event.id: event.label for event in alert.recent} == {"fraud-1": None, "fraud-2": word, "fraud-3": word}


def test_a_confirmed_alert_is_a_risk_of_its_shop(payments):
    """The windows over labels of the next event at the shop see the verdict."""
    payments.send("review")
    say(payments, 1, "confirmed")
    payments.clock.forward(seconds=1)
    seen = []
    row, answer = payments.payment("allow", card="C2")

    payments.log.answer([row], lambda rows, _places: seen.extend(rows) or [answer])

    assert seen[0]["shop_risk_1d"] == 1


def test_an_alert_that_nobody_is_sure_about_gives_no_label(payments):
    """It is closed, and what was said is kept."""
    payments.send("review")

    alert = say(payments, 1, "unsure", note="no answer")

    assert labels_of(payments) == []
    assert (alert.status, alert.verdicts[0].note) == ("unsure", "no answer")


def test_what_nobody_was_sure_about_is_asked_again_with_the_next_alert(payments):
    """The new alert has the events of the old one, its worst among them, and the verdict is about all of them."""
    payments.send("review", 0.9, 100)
    say(payments, 1, "unsure")
    payments.clock.forward(hours=1)
    payments.send("review", 0.2, 10)

    alert = payments.queue.alert(2)
    assert (alert.follows, alert.n_events, alert.worst_event, alert.status) == (1, 2, "fraud-1", "open")
    assert alert.expected_loss == pytest.approx(90)

    say(payments, 2, "confirmed")
    assert labels_of(payments) == [("fraud-1", True, "verdict"), ("fraud-2", True, "verdict")]


def test_the_same_verdict_again_changes_nothing(payments):
    """A request that is sent again gets the same answer, and there is one verdict."""
    payments.send("review")
    first = say(payments, 1, "cleared")
    payments.clock.forward(hours=3)

    assert say(payments, 1, "cleared", by="Bob") == first
    assert len(labels_of(payments)) == 1


def test_another_verdict_corrects_the_one_before(payments):
    """The new label holds, both are kept, and a card that was cleared by mistake is reviewed again."""
    payments.send("review")
    say(payments, 1, "cleared")
    payments.clock.forward(minutes=5)

    alert = say(payments, 1, "confirmed", by="Bob")

    assert labels_of(payments) == [("fraud-1", False, "verdict"), ("fraud-1", True, "verdict")]
    assert [(said.verdict, said.by) for said in alert.verdicts] == [("cleared", "Ada"), ("confirmed", "Bob")]
    assert alert.snoozed_until is None
    assert payments.send("review")["decision"] == "review"


def test_a_verdict_that_is_taken_back_takes_its_label_back(payments):
    """What came from elsewhere stays: what the card's holder said before holds again."""
    payments.send("review", id="1")
    payments.send("review", id="2")
    feedback = label("2", True, 0)
    with writing(payments.engine) as connection:
        add(connection, payments.model, [feedback])
    say(payments, 1, "cleared")

    alert = say(payments, 1, "unsure")

    assert {event.id: event.label for event in alert.recent} == {"1": None, "2": "fraud"}
    assert set(labels_of(payments)[-2:]) == {("1", None, "verdict"), ("2", True, "verdict")}


def test_a_cleared_card_is_left_alone_for_a_while(payments):
    """Reviews pass with a warning until the stated time, blocks block and open an alert, other cards are reviewed."""
    payments.send("review")
    alert = say(payments, 1, "cleared")
    assert alert.snoozed_until == payments.clock() + timedelta(hours=24)

    payments.clock.forward(hours=23)
    passed = payments.send("review")
    assert passed["decision"] == "allow"
    assert "cleared on 2024-05-01 12:00 (alert 1)" in passed["warnings"][-1]
    assert "not reviewed until 2024-05-02 12:00" in passed["warnings"][-1]
    assert payments.send("review", card="C2")["decision"] == "review"
    assert payments.send("block")["decision"] == "block"
    assert [one.n_events for one in payments.queue.alerts("open", 50).alerts if one.card == "C1"] == [1]

    payments.clock.forward(hours=1)
    assert payments.send("review")["decision"] == "review"


@pytest.mark.parametrize("card", ["C1", None])
def test_a_verdict_excludes_events_that_might_join_its_alert(payments, monkeypatch, card):
    """Those of its card; without one, the event alone: they lock the same key."""
    keys = []

    @contextmanager
    def locking(engine, wanted):
        keys.append(set(wanted))
        with recording(engine, wanted) as connection:
            yield connection

    for room in (event_log, review_queue):
        monkeypatch.setattr(room, "recording", locking)
    payments.send("review", card=card)
    payments.send("review", card="C2", shop="S2")
    assert say(payments, 1, "confirmed").card == card

    of_event, of_other, of_verdict = keys
    assert len(of_verdict) == 1
    assert of_verdict <= of_event - of_other
    assert labels_of(payments)[0][:2] == ("fraud-1", True)


def test_the_policy_says_for_how_long_a_card_is_left_alone(engine):
    """With 0 hours it never is."""
    payments = Payments(engine, policy=FraudPolicy(snooze_hours=0))
    payments.send("review")
    say(payments, 1, "cleared")

    assert payments.send("review")["decision"] == "review"


@pytest.mark.parametrize("number", [0, -1, 2, 2**63, 2**70])
def test_an_alert_that_is_not_there_is_not_found(payments, number):
    """Neither shown nor decided, nor is that of another model."""
    payments.send("review")
    for act in (payments.queue.alert, lambda unknown: say(payments, unknown, "cleared")):
        with pytest.raises(UnknownAlertError, match="has no alert"):
            act(number)
    with pytest.raises(UnknownAlertError, match="has no alert 1"):
        Payments(payments.engine, model="other").queue.alert(1)


def test_a_model_without_a_queue_says_so(payments):
    """Of another domain, or with a table without windows."""
    plain = Table(name="plain", description="", columns=[c for c in TABLE.columns if c.window is None])
    for change in ({"domain": load_domains()["credit"]}, {"scorer": SimpleNamespace(table=plain)}):
        live = replace(payments.live, **change)
        assert alert_intake_of(live, payments.clock) is None
        with pytest.raises(NoQueueError, match="no review queue"):
            ReviewQueue(payments.engine, live, payments.clock)


def test_a_card_is_left_alone_for_longer_than_events_are_kept(engine):
    """The alert by which it is stays as long."""
    payments = Payments(engine, policy=FraudPolicy(snooze_hours=100))
    payments.send("review")
    say(payments, 1, "cleared")
    for hours, decision in ((99, "allow"), (2, "review")):
        payments.clock.forward(hours=hours)
        payments.send("allow", card="C2")
        assert payments.send("review")["decision"] == decision


def test_closed_alerts_roll_out_with_events_and_open_ones_stay(payments):
    """An alert that was closed before what is kept goes; an open one keeps the answer to its worst event."""
    payments.send("review", card="A")
    payments.send("review", card="B")
    say(payments, 1, "cleared")
    payments.clock.forward(days=3)

    payments.send("allow", card="C")

    with pytest.raises(UnknownAlertError):
        payments.queue.alert(1)
    alert = payments.queue.alert(2)
    assert (alert.card, alert.n_events, alert.recent) == ("B", 1, [])
    assert alert.answer["prediction_id"] == "fraud-2"
    assert payments.stored(tables.alert_events) == payments.stored(tables.event_labels) == []
    say(payments, 2, "confirmed")
    assert labels_of(payments) == []
