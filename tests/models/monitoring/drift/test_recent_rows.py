"""Rows read back from the log, on both databases: as a checked frame holds them, and evenly drawn of many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from data.checking import check_frame
from models.monitoring.drift import recent_rows as module
from models.monitoring.drift.recent_rows import recent_rows

NOW = datetime(2024, 5, 31, 12, tzinfo=UTC)
WEEK = timedelta(days=7)


@pytest.mark.parametrize("per_request", [1, 40])
def test_rows_come_back_as_they_were_checked(scene, rows_of, per_request):
    """Column by column the same as the check of a file gives, with their scores and times."""
    frame, scores = rows_of(500, 1)
    scene.answer(frame, scores, per_request=per_request)
    found = recent_rows(scene.log, scene.live, since=NOW - WEEK, until=NOW)

    as_file = frame.assign(email="e", card="c", account="a", at="2024-05-31")
    checked, problems = check_frame(scene.live.table, as_file, training=False)
    assert not problems
    pd.testing.assert_frame_equal(found.frame, checked[list(found.frame.columns)], check_dtype=False)
    assert list(found.frame.columns) == ["income", "age", "balance", "purpose", "rooms", "guarantor", "married"]
    assert found.scores.tolist() == scores.tolist()
    assert (np.diff(found.times) >= np.timedelta64(0)).all()
    assert found.share == 1


def test_other_versions_and_times_are_left_out(scene, rows_of):
    """What another version answered, and what came before the period."""
    for version, n_rows, seed in ((1, 30, 1), (2, 50, 2)):
        scene.answer(*rows_of(n_rows, seed), version=version, days=10)
    found = recent_rows(scene.log, scene.live, since=NOW - timedelta(days=5), until=NOW)
    assert len(found.scores) == 15
    assert set(found.scores) <= set(rows_of(30, 1)[1])


def test_an_empty_log_gives_no_rows(scene):
    """A frame with all columns and no row."""
    found = recent_rows(scene.log, scene.live, since=NOW - WEEK, until=NOW)
    assert (len(found.frame), len(found.scores), len(found.times)) == (0, 0, 0)


@pytest.mark.parametrize("per_request", [1, 50])
def test_of_many_rows_some_are_drawn_evenly(scene, rows_of, monkeypatch, per_request):
    """About as many as there may be, the same ones again, from every part of the period."""
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 100)  # so that they come in several parts
    frame, scores = rows_of(6_000, 1)
    scene.answer(frame, scores, per_request=per_request)
    found, again = (recent_rows(scene.log, scene.live, since=NOW - WEEK, until=NOW, most_rows=600) for _ in range(2))
    assert 450 < len(found.scores) < 750
    assert len(found.scores) / 6_000 == pytest.approx(found.share, rel=0.2)
    assert found.scores.tolist() == again.scores.tolist()
    days = np.unique(found.times.astype("datetime64[D]"), return_counts=True)[1]
    assert days[1:-1].min() > 60  # of 120 on average
    assert abs(found.scores.mean() - scores.mean()) < 4 * scores.std() / np.sqrt(len(found.scores))


def test_rows_of_a_young_version_are_not_drawn_as_seldom_as_those_of_the_old_one(scene, rows_of):
    """All are taken, though the period holds many more rows of another version."""
    scene.answer(*rows_of(6_000, 1), version=2)
    scene.answer(*rows_of(400, 2), version=1)
    found = recent_rows(scene.log, scene.live, since=NOW - WEEK, until=NOW, most_rows=1_000)
    assert len(found.scores) > 300


def test_not_more_bytes_are_read_than_there_may_be(scene, rows_of, monkeypatch):
    """However few rows they hold."""
    scene.answer(*rows_of(4_000, 1), per_request=4)
    monkeypatch.setattr("models.records.audit_log.sampling.MAX_BYTES", 300_000)
    found = recent_rows(scene.log, scene.live, since=NOW - WEEK, until=NOW)
    assert 300 < len(found.scores) < 2_000
