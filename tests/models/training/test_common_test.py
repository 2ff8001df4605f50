"""The common test set: what is kept, that no later version is trained on it, and how versions are compared by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.checking import checked_frame
from data.column import Column
from data.gates import Gates
from data.splits import Split, SplitRows
from data.table import Table
from models.domains._discovery import load_domains
from models.evaluation.metrics import Comparison
from models.home import Home
from models.registry.registry import Registry
from models.retraining import TrainingResult, train
from models.training.common_test import keep_common_test, load_common_test
from models.training.fit import fit
from models.training.job import SILENT, TrainingJob
from models.training.non_inferiority import is_inferior
from models.training.row_digests import row_digests

TABLE = Table(
    name="t",
    columns=(
        Column(name="x", kind="number", optional=True),
        Column(name="level", kind="category", levels=("1", "2"), optional=True),
        Column(name="y", kind="flag", role="target"),
    ),
)
MATCHED = ("x", "level", "y")


def rows(n_rows: int, seed: int, random_share: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n_rows)
    y = rng.random(n_rows) < 1 / (1 + np.exp(1 - 1.5 * x))
    again = rng.random(n_rows) < random_share
    y[again] = rng.permutation(y)[again]
    level = pd.Series(rng.choice(["1", "2"], n_rows)).mask(rng.random(n_rows) < 0.1)
    return pd.DataFrame({"x": np.where(rng.random(n_rows) < 0.1, np.nan, x), "level": level, "y": y})


def checked(frame: pd.DataFrame, table: Table = TABLE) -> pd.DataFrame:
    return checked_frame(table, frame, "rows", training=True)


def job(**options: Any) -> TrainingJob:
    usual = {
        "domain": load_domains()["credit"],
        "name": "lending",
        "table": TABLE,
        "source": "rows",
        "split": Split(),
        "preset": "fast",
    }
    return TrainingJob(**{**usual, **options})


def test_a_set_is_read_as_it_was_kept(tmp_path: Path) -> None:
    home, frame = Home(tmp_path), checked(rows(300, 0))

    kept = keep_common_test(home, "lending", TABLE, frame, first_version=1, seed=0)
    read = load_common_test(home, "lending", TABLE)

    assert kept is not None
    assert read is not None
    assert row_digests(read.frame, MATCHED).tolist() == row_digests(frame, MATCHED).tolist()
    assert load_common_test(home, "another", TABLE) is None
    wider = replace(TABLE, columns=(*TABLE.columns, Column(name="new", kind="number")))
    assert load_common_test(home, "lending", wider) is None


def test_a_set_has_at_most_so_many_rows_and_no_column_that_must_not_be_stored(tmp_path: Path) -> None:
    home, frame = Home(tmp_path), checked(rows(300, 0))
    fewer = replace(TABLE, gates=Gates(max_test_rows=50))

    kept = keep_common_test(home, "lending", fewer, frame, first_version=1, seed=0)

    assert kept is not None
    assert len(kept.frame) == 50
    hidden = TABLE.with_columns({"level": {"stored": "hashed"}})
    none = replace(TABLE, gates=Gates(max_test_rows=0))
    assert keep_common_test(home, "hidden", hidden, frame, first_version=1, seed=0) is None
    assert keep_common_test(home, "none", none, frame, first_version=1, seed=0) is None
    assert load_common_test(home, "hidden", hidden) is None


def test_levels_and_flags_have_one_digest_in_every_spelling() -> None:
    """Codes that pandas wrote as floats, and flags as numbers, are the same rows."""
    frame = rows(200, 1)
    spelled = frame.assign(level=frame["level"].astype(float), y=frame["y"].astype(float))

    assert row_digests(checked(frame), MATCHED).tolist() == row_digests(checked(spelled), MATCHED).tolist()


def test_of_equal_rows_as_many_are_left_out_as_were_kept(tmp_path: Path) -> None:
    """Two equal rows were kept; the file has four: one of the test set, so one more leaves the training set."""
    frame = checked(pd.DataFrame({"x": [1.0, 1, 1, 1, 2, 3, 4], "level": "1", "y": [True] * 5 + [False] * 2}))
    common = keep_common_test(Home(tmp_path), "lending", TABLE, frame.iloc[:2], first_version=1, seed=0)
    assert common is not None

    found = common.without(
        SplitRows(train=np.array([1, 2, 4]), validation=np.array([3, 5]), test=np.array([0, 6]), description=""), frame
    )

    assert found.train.tolist() == [2, 4]
    assert found.validation.tolist() == [3, 5]
    assert found.test.tolist() == [0, 6]


def test_no_later_job_trains_on_a_kept_row(tmp_path: Path) -> None:
    """The same file with another seed and more rows is split in another way; no kept row is in its training set."""
    home, first, more = Home(tmp_path), rows(800, 2), rows(400, 3)
    registry = Registry(home.database_url)
    train(job(), first, home=home, registry=registry)
    registry.close()
    kept = load_common_test(home, "lending", TABLE)
    assert kept is not None

    later = fit(job(seed=5), pd.concat([more, first], ignore_index=True), None, home, SILENT)

    numbers = later.frame["x"].notna()  # rows without a number are not unique
    used = later.frame.iloc[np.concatenate([later.rows.train, later.rows.validation])]
    used = used[numbers.iloc[used.index]]
    known = set(row_digests(kept.frame[kept.frame["x"].notna()], MATCHED).tolist())
    assert len(known) > 100
    assert known.isdisjoint(row_digests(used, MATCHED).tolist())
    assert "left out of training" in later.rows.description


@pytest.mark.parametrize(
    ("comparison", "inferior"),
    [
        (Comparison(0.004, 0.001, 0.007), False),
        (Comparison(0.004, -0.001, 0.012), True),
        (Comparison(0.02, 0.01, 0.03), True),
        (Comparison(-0.001, -0.02, 0.018), False),
    ],
    ids=["within the margin", "perhaps beyond", "beyond", "few rows, as good on them"],
)
def test_the_upper_end_of_the_interval_must_be_within_the_margin(comparison: Comparison, inferior: bool) -> None:
    assert is_inferior(comparison, 0.01) is inferior


def test_small_steps_down_do_not_add_up(tmp_path: Path) -> None:
    """Each version's labels are a little more random than the last one's; the best of all is what counts."""
    home = Home(tmp_path)
    registry = Registry(home.database_url)
    results: list[TrainingResult] = [
        train(
            job(seed=number, promote="auto" if number else "always"),
            rows(1_500, 10 + number, 0.1 * number),
            home=home,
            registry=registry,
        )
        for number in range(5)
    ]
    registry.close()

    assert results[0].promoted
    assert not results[4].promoted
    common = load_common_test(home, "lending", TABLE)
    assert common is not None
    losses = {one.version: common.losses_of(one.digest) for one in results}
    live = [float(np.mean(losses[one.version])) for one in results if one.promoted]  # type: ignore[arg-type]
    assert live[-1] <= min(live) + 0.01 * 0.62  # 1 % of the base rate's log-loss


def test_a_new_set_begins_where_it_is_asked_for(tmp_path: Path) -> None:
    home = Home(tmp_path)
    registry = Registry(home.database_url)
    train(job(), rows(800, 2), home=home, registry=registry)
    before = load_common_test(home, "lending", TABLE)
    result = train(job(new_test_set=True), rows(800, 4), home=home, registry=registry)
    registry.close()

    after = load_common_test(home, "lending", TABLE)
    assert before is not None
    assert after is not None
    assert (before.about.first_version, after.about.first_version) == (1, 2)
    assert "common test set" not in result.why
    assert after.losses_of(result.digest) is not None
