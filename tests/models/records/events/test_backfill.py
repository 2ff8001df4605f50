"""Loading the past: once, no more than windows can reach, and then the store answers as if it had been there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.window_events import FOREVER
from models.records.events.backfill import load_past
from tests.data.window_tables import DELAY_SECONDS, frame_of, payments
from tests.models.records.conftest import LATE_SECONDS, START, answered, in_bulk, payment, seen_in

DELAY_DAYS = DELAY_SECONDS / 86_400


@settings(max_examples=15)
@given(st.data())
def test_an_event_sees_the_loaded_past_and_its_labels(open_log, data):
    """Bit for bit as beside the whole history."""
    log, rows = open_log(), data.draw(payments(start=START))
    labels = np.array(data.draw(st.lists(st.integers(0, 1), min_size=len(rows), max_size=len(rows))), np.int64)
    known = [
        replace(row, known=[(row.second + DELAY_SECONDS, FOREVER)] if fraud else [])
        for row, fraud in zip(rows, labels, strict=True)
    ]
    new = payment(1_000, 120)

    n_new = load_past(log, frame_of(rows), labels, label_delay_days=DELAY_DAYS)

    assert n_new == len(rows)
    assert seen_in(log.answer([new.row], answered)[0]) == in_bulk([*known, new])[-1]


def test_loading_again_adds_nothing(open_log, count):
    """Nor does a file that overlaps another one count events twice."""
    log, frame, labels = open_log(), frame_of([payment(i, i) for i in range(30)]), np.ones(30, np.int64)

    first = load_past(log, frame.iloc[:20], labels[:20], label_delay_days=1)
    again = load_past(log, frame, labels, label_delay_days=1)

    assert (first, again) == (20, 10)
    assert count() == {"events": 30, "event_entities": 60, "event_labels": 30}


def test_what_no_window_can_reach_is_left_out(open_log, count):
    """Seen from the newest row."""
    log = open_log()
    newest = 10 * LATE_SECONDS
    frame = frame_of([payment(1, 0), payment(2, newest - LATE_SECONDS), payment(3, newest)])

    assert load_past(log, frame, np.array([1, 1, 0]), label_delay_days=1) == 2
    assert count() == {"events": 2, "event_entities": 4, "event_labels": 1}


@pytest.mark.parametrize("n_rows", [0, 5_001])
def test_the_watcher_is_told_of_every_row(open_log, n_rows):
    """Part by part."""
    told: list[int] = []
    frame = frame_of([payment(i, i / 100) for i in range(n_rows)])

    load_past(open_log(), frame, np.zeros(n_rows, np.int64), label_delay_days=1, watcher=told.append)

    assert told == ([5_000, 1] if n_rows else [])


def test_events_that_were_answered_stay_as_they_are(open_log):
    """A file that holds them too adds nothing to them, but what became of them."""
    log = open_log()
    answers = log.answer([payment(1, 0).row], answered)

    assert load_past(log, frame_of([payment(1, 0), payment(2, 1)]), np.array([1, 0]), label_delay_days=0) == 1
    assert log.answer([payment(1, 0).row], answered) == answers
    assert seen_in(log.answer([payment(3, 30).row], answered)[0])["card_positives_60s"] == 1
