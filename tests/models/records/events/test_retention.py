"""Old events roll out, and nothing that is still to be answered from them does."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from data.window_events import whole_seconds
from models.records.events import retention
from models.records.events.retention import roll_out
from models.registry.database import schema as tables
from models.registry.database.engine import writing
from tests.data.window_tables import TABLE
from tests.models.records.conftest import LATE_SECONDS, START, answered, in_bulk, payment, seen_in
from tests.models.records.labels import add, label

HOUR = 3_600


def test_what_is_stored_stays_bounded(open_log, count):
    """Ten days of an event every ten minutes, all labelled: no more is kept than windows and late events may need."""
    log = open_log()
    rows = [payment(i, 600 * i, card="abc"[i % 3]) for i in range(10 * 144)]
    for start in range(0, len(rows), 20):
        batch = rows[start : start + 20]
        log.answer([row.row for row in batch], answered)
        with writing(log.engine) as connection:
            add(connection, log.model, [label(row.id, True, row.second) for row in batch])

    kept = count()
    most = (TABLE.reach_seconds + LATE_SECONDS + retention.STEP_SECONDS) // 600 + 1
    assert most - 6 <= kept["events"] <= most + 20
    assert kept["event_entities"] == 2 * kept["events"]
    assert kept["event_labels"] == kept["events"]


def test_answers_are_those_of_a_store_that_keeps_everything(open_log):
    """Events close together, then nothing for some hours, again and again."""
    log = open_log()
    rows = [payment(10 * day + i, 5 * HOUR * day + 7 * i, shop="st"[i % 2]) for day in range(8) for i in range(10)]

    texts = [log.answer([row.row], answered)[0] for row in rows]

    assert [seen_in(text) for text in texts] == in_bulk(rows)


@pytest.mark.parametrize("step", [1, 0], ids=["one a second", "all in one second"])
def test_after_a_long_pause_they_go_a_part_at_a_time(open_log, count, step):
    """No answer waits for more than some hundred of them, unless they are of one second."""
    log, n_old = open_log(), 2 * retention.MAX_AT_ONCE + 100
    log.load([payment(i, step * i).row for i in range(n_old)], [])
    left = []
    for i in range(4):
        log.answer([payment(n_old + i, 10**7 + i).row], answered)
        left.append(count()["events"] - 1 - i)

    expected = [n_old - retention.MAX_AT_ONCE, n_old - 2 * retention.MAX_AT_ONCE, 0, 0] if step else [0, 0, 0, 0]
    assert left == expected
    assert count()["event_entities"] == 8


def test_events_without_an_entity_and_those_of_other_models_are_told_apart(open_log, count):
    """Only the model's own go, whatever they lack."""
    other, log = open_log("other"), open_log("payments")
    other.answer([payment(1, 0).row], answered)
    log.answer([payment(1, 0, card=None).row], answered)

    log.answer([payment(2, 10**6).row], answered)

    assert count()["events"] == 2
    assert other.answer([payment(1, 0).row], answered) == other.answer([payment(1, 0).row], answered)


def test_old_events_are_looked_for_once_a_minute(open_log):
    """Not by every request: until a minute of them has come together, nothing is asked of the database."""
    log, statements = open_log("payments"), []
    log.load([payment(i, i).row for i in range(100)], [])
    start = whole_seconds(START)
    with writing(log.engine) as connection:
        roll_out(connection, "payments", tables.NOTHING_ROLLED_OUT, start)
        sa.event.listen(connection, "before_cursor_execute", lambda *about: statements.append(about[2]))
        assert roll_out(connection, "payments", start, start + retention.STEP_SECONDS - 1) == start
        assert statements == []
        assert roll_out(connection, "payments", start, start + retention.STEP_SECONDS) == start + retention.STEP_SECONDS
        (kept,) = connection.execute(sa.select(sa.func.count()).select_from(tables.events)).one()
    assert kept == 100 - retention.STEP_SECONDS


def test_an_id_that_rolled_out_is_too_late(open_log):
    """It is not answered anew: its windows would be empty."""
    log = open_log()
    log.answer([payment(1, 0).row], answered)
    log.answer([payment(2, 10**6).row], answered)

    (refused,) = log.answer([payment(1, 0).row], answered)

    assert "must not lie before" in str(refused)
