"""Splits beside what the champion knows: its training rows never test."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest

from data.errors import DataError
from data.splits import Split, SplitRows
from models.training.known_rows import NEW, TESTED, TRAINED
from models.training.unseen_split import RowsToSplit, unseen_split

N_OLD, N_ALL = 800, 1_000
"""Rows of the champion's file, four in five of which trained it, and of the grown one."""


def given(n_rows: int = N_ALL) -> RowsToSplit:
    rng = np.random.default_rng(0)
    times = np.datetime64("2026-01-01", "us") + rng.permutation(n_rows) * np.timedelta64(1, "h")
    return RowsToSplit(labels=(rng.random(n_rows) < 0.3).astype(np.int64), times=times, seed=3)


def uses(n_new: int = N_ALL - N_OLD) -> Any:
    return np.array([TRAINED, TRAINED, TESTED, TRAINED, TRAINED] * (N_OLD // 5) + [NEW] * n_new, np.int8)


def split(kind: Literal["random", "time", "order"], found: Any, *, refine: bool = False) -> tuple[SplitRows, SplitRows]:
    """The usual split, and that beside the champion."""
    rows, what = given(len(found)), Split(kind=kind)
    usual = rows.usual(what)
    return usual, unseen_split(what, rows, usual, found, version=4, refine=refine)


@pytest.mark.parametrize("refine", [False, True])
@pytest.mark.parametrize("kind", ["random", "time", "order"])
def test_no_row_tests_that_the_champion_was_trained_on(kind: Any, refine: bool) -> None:
    """Nor does one stop or calibrate a refinement; and no row is in two sets."""
    found = uses()
    if kind == "order":
        found = found[::-1].copy()  # else no training row is at the end of the file
    usual, rows = split(kind, found, refine=refine)

    assert (found[usual.test] == TRAINED).any()
    assert (found[rows.test] != TRAINED).all()
    assert (found[rows.validation] == TRAINED).any() is np.bool_(not refine)
    every = np.concatenate([rows.train, rows.validation, rows.test])
    assert len(np.unique(every)) == len(every)
    assert "version 4 was trained on" in rows.description


@pytest.mark.parametrize("refine", [False, True])
def test_a_test_set_at_random_grows_with_the_file(refine: bool) -> None:
    """The champion's 160 test rows and a fifth of the 200 new rows: a fifth of all; the others all train."""
    found = uses()
    _, rows = split("random", found, refine=refine)

    assert np.bincount(found[rows.test], minlength=3).tolist() == [40, 0, 160]
    assert len(rows.train) + len(rows.validation) == 800
    assert rows.description.startswith(
        f"{len(rows.train)} training, {len(rows.validation)} validation and 200 test rows"
    )
    assert "the 640 rows that version 4 was trained on stay out of the test set" in rows.description
    assert "40 rows that it does not know and 160 of its test rows" in rows.description


def test_half_of_the_new_rows_validate_a_refinement_at_most() -> None:
    """Of 160 new rows, 80 calibrate, fewer than 15 % of the 800: the other half is to train."""
    found = uses()
    _, rows = split("random", found, refine=True)
    assert len(rows.validation) == 80
    assert (found[rows.train] == NEW).sum() == 80


def test_rows_of_the_last_period_that_trained_the_champion_are_left_out() -> None:
    """By time they can neither test, nor train before what they came after."""
    found = uses()
    usual, rows = split("time", found)
    assert sorted(rows.test) == sorted(row for row in usual.test if found[row] != TRAINED)
    assert set(rows.train) == set(usual.train)
    assert f"{len(usual.test) - len(rows.test)} of these test rows were left out" in rows.description


@pytest.mark.parametrize("kind", ["random", "time", "order"])
def test_rows_that_are_all_new_are_split_as_ever(kind: Any) -> None:
    usual, rows = split(kind, np.full(N_ALL, NEW, np.int8), refine=True)
    assert rows is usual


def test_a_few_new_rows_train_beside_the_test_rows_of_the_champion() -> None:
    """Two rows of one class cannot be cut."""
    found = uses(0)
    found[np.flatnonzero((found == TRAINED) & (given(N_OLD).labels == 0))[:2]] = NEW
    _, rows = split("random", found)
    assert (found[rows.test] == TESTED).all()
    assert len(rows.test) == 160
    with pytest.raises(DataError):
        split("random", np.where(found == TESTED, TRAINED, found).astype(np.int8))
