"""The split of a job beside the champion and the common test set: what is refused, and what validates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.column import Column
from data.errors import DataError
from data.splits import Split, SplitRows
from data.table import Table
from models.domains._discovery import load_domains
from models.errors import RefinementError
from models.home import Home
from models.registry.registry import Registry
from models.retraining import train
from models.training.champion_rows import ChampionRows
from models.training.fit import fit
from models.training.job import SILENT, TrainingJob
from models.training.job_split import job_split, with_validation
from models.training.known_rows import NEW, TRAINED
from models.training.unseen_split import RowsToSplit

TABLE = Table(
    name="t",
    columns=(
        Column(name="x", kind="number"),
        Column(name="at", kind="time", role="time"),
        Column(name="y", kind="flag", role="target"),
    ),
)
GIVEN = RowsToSplit(labels=np.arange(400) % 2, times=None, seed=0)


def job(*, refine: bool = False, split: Split | None = None) -> TrainingJob:
    return TrainingJob(
        domain=load_domains()["credit"],
        name="lending",
        table=TABLE,
        source="rows",
        split=split or Split(),
        preset="fast",
        refine=refine,
        promote="auto" if refine else "always",
    )


def champion(n_new: int) -> ChampionRows:
    """A champion that was trained on all but so many rows."""
    uses = np.full(400, TRAINED, np.int8)
    uses[:n_new] = NEW
    return ChampionRows(version=7, uses=uses)


def test_too_few_new_rows_refine_nothing() -> None:
    """Ten rows with the event and ten without test a version at least; 92 new rows leave 19."""
    with pytest.raises(RefinementError) as error:
        job_split(job(refine=True), TABLE, GIVEN, champion(92))
    said = str(error.value)
    assert "version 7 of 'lending' cannot be refined: it was trained on 308 of the 400 rows" in said
    assert "the test set of 19 rows has 9 with" in said or "the test set of 19 rows has 9 without" in said
    assert "give more rows that it has not seen" in said
    assert len(job_split(job(refine=True), TABLE, GIVEN, champion(100)).test) == 20


@pytest.mark.parametrize("n_new", [0, 1, 92])
def test_trained_anew_the_version_has_the_usual_test_set(n_new: int) -> None:
    """It is not compared on it, but for itself it is as good as any."""
    rows, usual = job_split(job(), TABLE, GIVEN, champion(n_new)), GIVEN.usual(Split())
    assert rows.test.tolist() == usual.test.tolist()
    assert rows.description == usual.description


def test_of_what_is_not_known_nothing_is_kept_apart() -> None:
    usual = GIVEN.usual(Split())
    for unknown in (None, ChampionRows(version=7, problem="it cannot be told")):
        assert job_split(job(refine=True), TABLE, GIVEN, unknown).test.tolist() == usual.test.tolist()


def timed(n_rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=n_rows)
    at = pd.date_range("2026-01-01", periods=n_rows, freq="h")
    return pd.DataFrame({"x": x, "at": at, "y": rng.random(n_rows) < 1 / (1 + np.exp(-2 * x))})


@pytest.mark.parametrize("kind", ["time", "order"])
def test_a_file_that_grows_by_time_keeps_a_validation_set(tmp_path: Path, kind: str) -> None:
    """The newest rows to train on tested the first version, so they are all in the common test set."""
    home, later = Home(tmp_path), job(split=Split(kind=kind))  # type: ignore[arg-type]
    registry = Registry(home.database_url)
    first = train(later, timed(1_125)[:1_000], home=home, registry=registry)
    version = registry.champion("lending")
    registry.close()

    rows = fit(later, timed(1_125), version, home, SILENT).rows

    assert first.promoted
    assert rows.test.tolist() == list(range(900, 1_125))
    used = np.concatenate([rows.train, rows.validation])
    assert used.tolist() == list(range(800))  # the 100 rows between are the common test set's, which begins at 800
    assert len(rows.validation) == 120
    assert "The last 120 training rows became the validation set" in rows.description


def test_rows_that_are_too_few_to_train_on_are_said_to_be() -> None:
    """With the way to begin another common test set."""
    rows = SplitRows(train=np.array([0, 2]), validation=np.array([], int), test=np.arange(4, 400), description="")
    with pytest.raises(DataError, match=r"2 of 400 rows are left to train on.*--new-test-set"):
        with_validation(rows, GIVEN.labels, before=np.arange(70))


def test_rows_of_rare_levels_and_corrections_are_trained_on_alone() -> None:
    """Levels with eight rows; with nine there is one on every side. Of two classes both are needed."""
    classes = replace(job(), domain=load_domains()["digits"], n_train_only=3)
    labels = np.concatenate([np.arange(390) % 3, np.full(8, 3), np.full(9, 4), [0, 3, 5]])
    rows = job_split(classes, TABLE, RowsToSplit(labels=labels, times=None, seed=0), None)
    alone = {*range(390, 398), *range(407, 410)}
    assert alone <= set(rows.train.tolist())
    assert sorted([*rows.train, *rows.validation, *rows.test]) == list(range(410))
    for part in (rows.validation, rows.test):
        assert set(labels[part]) == {0, 1, 2, 4}
    assert rows.description.endswith("; 11 more rows are trained on alone")
    with pytest.raises(DataError, match="rows are of class True; about 7 are needed"):
        job_split(job(), TABLE, RowsToSplit(labels=np.arange(103) >= 100, times=None, seed=0), None)


def test_the_champion_is_asked_about_the_rows_that_are_split() -> None:
    """Rows that trained it stay out of the test set, whatever is added behind them."""
    classes = replace(job(), domain=load_domains()["digits"], n_train_only=8)
    labels = np.concatenate([np.arange(400) % 3, np.full(8, 2)])
    uses = np.concatenate([np.full(300, TRAINED, np.int8), np.full(108, NEW, np.int8)])
    known = ChampionRows(version=7, uses=uses)
    rows = job_split(classes, TABLE, RowsToSplit(labels=labels, times=None, seed=0), known)
    assert len(rows.test)
    assert rows.test.min() >= 300
    assert rows.test.max() < 400
