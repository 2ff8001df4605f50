"""Suspected leaks: each kind on columns made to leak, and none on what merely predicts well."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.column import Column
from data.table import Table
from models.evaluation.leaks import strongest_alone, suspected_leaks

N_ROWS = 2_000
RNG = np.random.default_rng(0)
LABELS = (RNG.random(N_ROWS) < 0.2).astype(np.int64)
NOISE = RNG.normal(size=N_ROWS)
BY_EVENT = np.argsort(np.argsort(LABELS, kind="stable"))  # events have the highest ranks
TIMES = pd.Timestamp("2024-03-01") + pd.to_timedelta(RNG.integers(0, 10_000, N_ROWS), unit="h")


def said(values: Any, *, kind: str = "number", times: bool = False) -> str:
    """Why the column is suspected, beside one of noise; empty if it is not."""
    columns = [Column(name="noise", kind="number"), Column(name="x", kind=kind, optional=True)]
    frame = pd.DataFrame({"noise": NOISE, "x": values})
    if times:
        columns.append(Column(name="at", kind="time", role="time"))
        frame["at"] = TIMES
    found = suspected_leaks(Table(name="t", columns=tuple(columns)), frame, LABELS)
    assert {leak.column for leak in found} <= {"x"}
    return found[0].why if found else ""


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (BY_EVENT * 3.0 + 7, "AUC of 1.0000"),
        (-BY_EVENT * 3.0, "AUC of 1.0000"),
        (np.where(LABELS == 1, NOISE, 5 + np.abs(NOISE)), "AUC of"),
        (np.where(LABELS == 1, 100 + NOISE, 0.0), "is 0 in 100.0% of the rows without the event and 0.0%"),
        (np.where(LABELS == 1, np.nan, NOISE), "is empty in 100.0% of the rows with the event"),
        (np.where((LABELS == 1) & (NOISE > 0), 3.0, 0.0), "is 0 in 100.0% of the rows without the event"),
        (np.where((LABELS == 0) & (NOISE > 0), 3.0, np.nan), "is empty in 100.0% of the rows with the event"),
        (np.arange(N_ROWS) * 3.0 + RNG.integers(0, 3, N_ROWS), "numbers the rows"),
        (-np.arange(N_ROWS) * 2.0, "numbers the rows"),
        (np.abs(np.where(LABELS == 1, 0, 4) - np.abs(NOISE).clip(0, 1)), "AUC of"),
    ],
    ids=["sorted", "falling", "apart", "0 without", "empty with", "only some events", "only some others", "row number",
         "falling row number", "both sides"],
)  # fmt: skip
def test_a_column_that_holds_the_target_is_suspected(values: Any, words: str) -> None:
    assert words in said(values)


def test_levels_filled_in_after_the_event_are_suspected() -> None:
    """A loan's status; and where one level in forty is wrong it still is."""
    status = np.where(LABELS == 1, "charged off", np.where(NOISE > 0, "current", "paid")).astype(object)
    wrong = np.where(RNG.random(N_ROWS) < 0.01, "current", status).astype(object)

    assert "alone ranks the events" in said(status, kind="category")
    assert "alone ranks the events" in said(wrong, kind="category")


def test_a_date_after_the_row_s_own_is_suspected() -> None:
    assert "lies after the row's own time ('at') in 50%" in said(
        TIMES + pd.to_timedelta(np.where(np.arange(N_ROWS) % 2, 5, -5), unit="D"), kind="time", times=True
    )
    assert said(TIMES - pd.Timedelta(days=5), kind="time", times=True) == ""


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (NOISE + 2.2 * LABELS, "number"),
        (np.where(RNG.random(N_ROWS) < 0.3, np.nan, NOISE), "number"),
        (np.where(NOISE + LABELS > 0.5, NOISE, 0.0), "number"),
        (np.arange(N_ROWS) // 2 * 1.0, "number"),
        (np.array([f"u{i}" for i in range(N_ROWS)], dtype=object), "key"),
        (np.where(NOISE + LABELS > 0, "yes", "no").astype(object), "category"),
    ],
    ids=["strong", "missing at random", "zero more often", "steps", "unique texts", "level"],
)
def test_what_only_predicts_is_not(values: Any, kind: str) -> None:
    assert said(values, kind=kind) == ""


def test_few_events_suspect_nothing_by_chance() -> None:
    labels = np.zeros(N_ROWS, dtype=np.int64)
    labels[:9] = 1
    frame = pd.DataFrame({"x": labels * 5.0 + NOISE})
    table = Table(name="t", columns=(Column(name="x", kind="number"),))

    assert suspected_leaks(table, frame, labels) == ()
    assert strongest_alone(table, frame, labels)[0] == "x"
