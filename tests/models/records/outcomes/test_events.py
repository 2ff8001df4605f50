"""Labels: what became of events, once, late, revised and repeated."""

from __future__ import annotations

import sqlalchemy as sa

from models.records.outcomes.ledger import Outcome
from models.registry.database import schema as tables
from models.registry.database.engine import writing
from tests.models.records import labels
from tests.models.records.conftest import answered, payment, seen_in


def second(offset: float) -> int:
    return payment(0, offset).second


def label(number: int, known: float, *, fraud: bool = True) -> Outcome:
    return labels.label(number, fraud, second(known))


def add(log, *said: Outcome) -> int:
    with writing(log.engine) as connection:
        return labels.add(connection, log.model, said)


def frauds_at(log, number: int, offset: float) -> float | None:
    """What an event of the same card sees; the delay is 15 s, the window 60 s."""
    return seen_in(log.answer([payment(number, offset).row], answered)[0])["card_positives_60s"]


def test_a_repeated_label_changes_nothing(open_log):
    """Neither since when it is known, nor how many there are."""
    log = open_log()
    frauds_at(log, 1, 0)

    assert (add(log, label(1, 20), label(1, 21)), add(log, label(1, 50))) == (1, 0)
    assert [frauds_at(log, 2, 20), frauds_at(log, 3, 21)] == [0, 1]


def test_a_label_counts_once_it_is_known_and_the_delay_has_passed(open_log):
    """Whichever is later; one that is known at once still waits for the delay."""
    log = open_log()
    frauds_at(log, 1, 0)
    frauds_at(log, 2, 1)
    add(log, label(1, 0), label(2, 30))

    assert [frauds_at(log, 10 + at, at) for at in (15, 16, 30, 31)] == [0, 1, 1, 2]


def test_a_label_that_is_taken_back_counts_until_then(open_log):
    """And one that is set again counts again."""
    log = open_log()
    frauds_at(log, 1, 0)
    add(log, label(1, 16), label(1, 20, fraud=False))
    add(log, label(1, 24))

    assert [frauds_at(log, at, at) for at in (17, 20, 21, 24, 25)] == [1, 1, 0, 0, 1]


def test_the_latest_label_holds_even_if_it_was_known_earlier(open_log):
    """A correction carries the time since when the right label was known."""
    log = open_log()
    frauds_at(log, 1, 0)
    add(log, label(1, 30), label(1, 20, fraud=False))

    assert frauds_at(log, 2, 40) == 0


def test_labels_of_many_events_are_added_at_once(open_log):
    """More than one statement may hold."""
    log = open_log()
    log.load([payment(i, 0).row for i in range(1_200)], [])
    said = [label(i, 1) for i in range(1_200)]

    assert (add(log, *said), add(log, *said)) == (1_200, 0)
    with log.engine.connect() as connection:
        stored = sa.select(sa.func.count()).where(tables.event_labels.c.model == log.model)
        assert connection.scalar(stored) == 1_200


def test_labels_of_what_is_not_stored_are_left_out(open_log, count):
    """They would never be removed or read."""
    log = open_log()

    assert add(log, label(1, 1)) == 0
    assert count()["event_labels"] == 0


def test_labels_of_other_models_do_not_count(open_log):
    """Though the event has the same id."""
    log, other = open_log(), open_log()
    for one in (log, other):
        frauds_at(one, 1, 0)
    add(other, label(1, 1))

    assert (frauds_at(log, 2, 20), frauds_at(other, 2, 20)) == (0, 1)
