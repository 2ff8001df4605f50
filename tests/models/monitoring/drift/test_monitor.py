"""The monitor: quiet where nothing has moved, however few or many rows there are, and loud where something has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from data.column import Column
from models.evaluation.psi import psi
from models.monitoring.drift import comparison
from models.monitoring.drift.comparison import compare
from models.monitoring.drift.monitor import FALSE_DISCOVERY_RATE, concluded, monitor, state_of
from models.monitoring.drift.reference import column_reference
from models.monitoring.drift.results import Effect

NOW = datetime(2024, 5, 31, 12, tzinfo=UTC)
NUMBER, LEVELS = Column(name="x", kind="number"), Column(name="x", kind="category")
FAMILIES = [
    (NUMBER, lambda rng, n: rng.normal(0, 1, n)),
    (NUMBER, lambda rng, n: rng.lognormal(0, 2, n)),
    (NUMBER, lambda rng, n: rng.poisson(2, n).astype(float)),
    (NUMBER, lambda rng, n: np.where(rng.random(n) < 0.6, 0, np.round(rng.exponential(300, n), 2))),
    (NUMBER, lambda rng, n: np.where(rng.random(n) < 0.002, np.nan, rng.random(n))),
    (LEVELS, lambda rng, n: rng.choice(np.array(["0", "1"], object), n, p=[0.98, 0.02])),
    (LEVELS, lambda rng, n: rng.choice(np.array(["a", "b", "c"], object), n, p=[0.6, 0.399, 0.001])),
    (LEVELS, lambda rng, n: (rng.zipf(1.6, n) % 3_000).astype(str).astype(object)),
    (LEVELS, lambda rng, n: rng.integers(0, 3_000, n).astype(str).astype(object)),
    (LEVELS, lambda rng, n: rng.choice(np.array([*"abcdefghij", None], object), n)),
    (LEVELS, lambda rng, n: rng.integers(0, 60, n).astype(str).astype(object)),
]
"""Distributions of every shape that columns have."""


def compared(column, before, now, seed=0):
    times = np.full(len(now), np.datetime64("2024-05-30", "ms"))
    before, now = (pd.Series(cells, dtype=cells.dtype) for cells in (before, now))
    return compare(column, column_reference(column, before), now, times, seed=seed)


@pytest.mark.parametrize(
    ("m", "n", "n_sets"),
    [
        (200, 200, 6),
        (3_000, 200, 6),
        (3_000, 3_000, 6),
        (20_000, 1_000, 4),
        (2_000, 50_000, 2),
        (200_000, 50_000, 1),
    ],
)
def test_of_50_columns_that_have_not_moved_no_more_are_found_than_was_said(monkeypatch, m, n, n_sets):
    """Of sets of 50 columns of one distribution before and now, 5 % may have a finding by chance, and none an alarm."""
    monkeypatch.setattr(comparison, "N_RESAMPLES", 20)  # the bands are tested elsewhere
    sets_with_a_finding, p_values = 0, []
    for number in range(n_sets):
        rng = np.random.default_rng(1_000 * n_sets + number)
        comparisons = [compared(column, draw(rng, m), draw(rng, n)) for column, draw in (5 * FAMILIES)[:50]]
        p_values += [one.measured.p for one in comparisons]
        found = concluded(comparisons)
        sets_with_a_finding += any(one.significant for one in found)
        assert "alarm" not in {one.state for one in found}
    assert sets_with_a_finding <= binom.ppf(0.999, n_sets, FALSE_DISCOVERY_RATE)
    assert np.mean(np.array(p_values) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(p_values))


def test_without_correction_few_rows_would_cry_wolf():
    """The plain index of samples of one distribution is at least 0.1 in half of the cases at 200 rows."""
    rng = np.random.default_rng(0)
    plain = psi(*rng.multinomial(200, np.full(11, 1 / 11), (2, 1_000)))
    assert np.mean(plain >= 0.1) > 0.3


def test_very_many_rows_do_not_make_a_small_difference_large():
    """A difference that is beyond doubt and tiny is significant, and nothing to look at."""
    rng = np.random.default_rng(0)
    (found,) = concluded([compared(NUMBER, rng.normal(0, 1, 200_000), rng.normal(0.05, 1, 200_000))])
    assert found.significant
    assert found.q < 1e-9
    assert found.state == "ok"


@pytest.mark.parametrize(
    ("before", "now", "state", "told"),
    [
        (("normal", 0, 1), ("normal", 0.8, 1), "alarm", "higher, median"),
        (("normal", 0, 1), ("normal", -0.4, 1), "watch", "lower, median"),
        (("normal", 0, 1), ("normal", 0, 3), "alarm", ""),
        (("exponential", 100), ("exponential", 1), "alarm", "lower, median"),
    ],
    ids=["much higher", "lower", "spread out", "in another unit"],
)
@pytest.mark.parametrize("n", [400, 20_000])
def test_numbers_that_have_moved_are_found(before, now, state, told, n):
    """With few rows and with many; a shift that is an alarm is one in ten samples of ten."""
    for seed in range(10 if state == "alarm" else 1):
        rng = np.random.default_rng(seed)
        cells = [getattr(rng, name)(*given, size) for (name, *given), size in ((before, 5_000), (now, n))]
        (found,) = concluded([compared(NUMBER, *cells)])
        assert (found.state, told in found.sentence) == (state, True)


def test_values_that_have_gone_far_out_are_an_alarm():
    """Within the outermost bin the index sees nothing; the distance does, and a tenth of the rows is beyond all."""
    rng = np.random.default_rng(0)
    before, now = rng.normal(0, 1, 5_000), rng.normal(0, 1, 2_000)
    now = np.where(now > 1.3, now * 100, now)
    (found,) = concluded([compared(NUMBER, before, now)])
    assert found.psi.value < 0.1
    assert (found.state, found.significant) == ("alarm", True)
    assert state_of(found.psi, found.wasserstein, significant=True) == "watch"


def test_levels_that_have_moved_are_named():
    """The two that have changed most, those that are new, and missing ones."""
    rng = np.random.default_rng(0)
    levels = np.array(["car", "house", "boat", None], object)
    before = rng.choice(levels, 4_000, p=[0.5, 0.3, 0.2, 0])
    now = rng.choice(levels, 1_000, p=[0.2, 0.3, 0.3, 0.2])
    now[:100] = "moon"
    (found,) = concluded([compared(LEVELS, before, now)])
    assert found.state == "alarm"
    assert found.unseen == 0.1
    assert found.sentence.startswith("x: car 50.8 % -> 19.7 %, moon 0 % -> 10 %")
    assert "missing 0 % -> 20.8 %" in found.sentence
    assert "10 % unseen categories (moon)" in found.sentence


def test_a_missing_column_is_an_alarm():
    """A feed that has ended: all recent values are missing, and there is no median."""
    (found,) = concluded([compared(NUMBER, np.arange(1_000.0), np.full(500, np.nan))])
    assert found.state == "alarm"
    assert found.sentence == "x: missing 0 % -> 100 %"


def test_what_makes_a_state():
    """Significance comes first, and an alarm needs the whole band to be away from nothing."""
    large, unsure, middle = (Effect(value=v, low=low, high=1) for v, low in ((0.3, 0.2), (0.3, 0.05), (0.15, 0.1)))
    assert state_of(None, None, significant=False) == "too_few"
    assert state_of(large, large, significant=False) == "ok"
    assert [state_of(one, None, significant=True) for one in (large, unsure, middle)] == ["alarm", "watch", "watch"]


def test_rows_like_those_of_the_training_are_ok(scene, rows_of):
    """All columns are compared, or listed with the reason why not."""
    scene.answer(*rows_of(3_000, 5), per_request=10)
    found = monitor(scene.live, scene.reference, scene.log, now=NOW)
    assert (found.state, found.n_recent, found.share_looked_at) == ("ok", 3_000, 1)
    assert sorted(one.column for one in found.columns) == sorted(scene.reference.columns)
    assert {one.state for one in (found.score, *found.columns)} == {"ok"}
    assert {one.column: one.why for one in found.not_compared} == {
        "email": "the audit log keeps it hashed",
        "account": "an id has too many values",
        "at": "times always change",
    }
    assert found.sentence == "8 of 11 columns (including the score) compared; no drift"
    income = next(one for one in found.columns if one.column == "income")
    assert sum(one.n_recent for one in income.bins) == 3_000
    assert sum(one.n_reference for one in income.bins) == income.n_reference == 10_000
    assert sum(one.n_rows for one in income.series) == 3_000
    assert [one.begins for one in income.series] == [(NOW - timedelta(days=5 - i)).date() for i in range(6)][
        : len(income.series)
    ]
    assert all(one.psi is not None and one.psi < 0.1 for one in income.series if one.n_rows >= 500)
    assert monitor(scene.live, scene.reference, scene.log, now=NOW) == found


def test_a_shift_is_found_where_it_is(scene, rows_of):
    """In one number, one category and the score; the gravest comes first."""
    frame, scores = rows_of(2_000, 6)
    frame = frame.assign(income=frame["income"] * 1.8, purpose=frame["purpose"].where(frame.index % 2 == 0, "car"))
    scene.answer(frame, scores**0.5)
    found = monitor(scene.live, scene.reference, scene.log, now=NOW)
    states = {one.column: one.state for one in (found.score, *found.columns)}
    assert states == {
        "": "alarm", "income": "alarm", "purpose": "alarm", "age": "ok", "balance": "ok", "rooms": "ok",
        "guarantor": "ok", "married": "ok",
    }  # fmt: skip
    assert found.columns[0].state == "alarm"
    assert found.state == "alarm"
    assert "drift: the score, " in found.sentence
    told = next(one.sentence for one in found.columns if one.column == "income")
    assert told.startswith("Income: higher, median 1,")


def test_too_few_rows_prove_nothing(scene, rows_of):
    """Whatever they hold."""
    frame, scores = rows_of(199, 7)
    scene.answer(frame.assign(income=1e6), scores)
    found = monitor(scene.live, scene.reference, scene.log, now=NOW)
    assert found.state == "too_few"
    assert found.sentence == "Predicted probability: 199 recent rows are too few to compare; at least 200 are needed"
    assert all(one.psi is None and one.q is None for one in found.columns)


def test_without_any_row_it_is_said_so(scene):
    """A model without requests."""
    found = monitor(scene.live, scene.reference, scene.log, now=NOW)
    assert (found.state, found.n_recent, found.score.series) == ("too_few", 0, ())


def test_long_windows_are_told_by_week(scene, rows_of):
    """Ten weeks of rows have about ten points."""
    scene.answer(*rows_of(700, 8), days=70)
    found = monitor(scene.live, scene.reference, scene.log, now=NOW, days=100)
    begins = [one.begins for one in found.score.series]
    assert 10 <= len(begins) <= 11
    assert {after - before for before, after in pairwise(begins)} == {timedelta(days=7)}
