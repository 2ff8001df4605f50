"""Past rows: those that the model was trained on are never among them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from data.checking import checked_frame
from data.errors import BadRowsError, SourceError
from data.files.sources import frame_digest
from data.splits import SplitRows, split_rows
from models.backtesting.past_rows import past_rows
from models.registry.bundles import read_manifest
from models.registry.live import load_live
from models.training.known_rows import KnownRows


@pytest.fixture
def credit(store):
    """The live credit model, its manifest as if it had been trained with seed 7 on 900 simulated rows, and these."""
    version = store.registry.champion("credit")
    live = load_live(version, store.home.bundles)
    smaller = dataclasses.replace(live.domain, n_simulated_rows=900)
    frame = smaller.simulate(900, 7).frame
    changes = {"seed": 7, "data_digest": frame_digest(frame), "source": "simulated credit rows, seed 7"}
    manifest = read_manifest(store.home.bundles, version.digest).model_copy(update=changes)
    return dataclasses.replace(live, domain=smaller), manifest, frame


@pytest.fixture
def rows_for(credit, store):
    """Past rows of the credit model from what a call names."""
    live, manifest, _ = credit
    return lambda **named: past_rows(
        live, manifest, None, **{"data": None, "table": None, "home": store.home, "data_home": None, **named}
    )


def test_by_default_the_rows_are_those_that_tested_the_version(rows_for, credit):
    """The source is read again and cut as in training: exactly the rows of the test set, with their labels."""
    live, _, frame = credit
    checked = checked_frame(live.table, frame, "rows", training=True)
    labels = live.table.labels(checked)
    test = split_rows(live.domain.split, labels=labels, times=None, seed=7).test

    rows = rows_for()

    assert sorted(rows.frame.index) == sorted(test)
    assert (rows.labels == labels[rows.frame.index]).all()
    assert rows.source == "simulated credit rows, seed 7, the 180 test rows of version 1"
    assert "gender" in rows.frame  # protected: no input of the model, but there to compare groups


def test_a_file_of_the_training_rows_is_recognised(rows_for, credit, tmp_path):
    """The name of the file does not matter, the values do."""
    _, _, frame = credit
    frame.to_parquet(tmp_path / "copy.parquet")

    rows = rows_for(data=str(tmp_path / "copy.parquet"))

    assert sorted(rows.frame.index) == sorted(rows_for().frame.index)


def test_of_other_rows_all_are_used(rows_for, credit, tmp_path):
    """A file that the model has not seen tests it as a whole."""
    live, _, _ = credit
    live.domain.simulate(300, 8).frame.to_csv(tmp_path / "new.csv", index=False)

    rows = rows_for(data=str(tmp_path / "new.csv"))

    assert len(rows.frame) == len(rows.labels) == 300
    assert rows.source.endswith("new.csv, all 300 rows")


def test_rows_that_cannot_be_had_again_must_be_named(credit, store):
    """Simulated rows of another seed than in training would be no past rows of this model."""
    live, manifest, _ = credit
    elsewhere = manifest.model_copy(update={"source": "loans.csv", "data_digest": "0" * 64})
    with pytest.raises(SourceError, match=r"are not available here \(loans.csv\); name past rows"):
        past_rows(live, elsewhere, None, data=None, table=None, home=store.home, data_home=None)
    own_table = dataclasses.replace(live.table, name="lending")
    live.scorer.table = own_table
    with pytest.raises(SourceError, match="are not available here"):
        past_rows(live, elsewhere, None, data=None, table=None, home=store.home, data_home=None)


def test_two_sources_are_one_too_many(rows_for, tmp_path):
    """A file or a public table."""
    with pytest.raises(SourceError, match="name only one of them"):
        rows_for(data=str(tmp_path / "a.csv"), table="german")


def test_bad_rows_are_named_and_unknown_protected_levels_are_kept(rows_for, credit, tmp_path):
    """A value that the model cannot read stops a simulation; a level that only makes a group does not."""
    live, _, _ = credit
    frame = live.domain.simulate(60, 8).frame
    frame.loc[3, "gender"] = "agender"
    frame.to_csv(tmp_path / "new.csv", index=False)
    assert rows_for(data=str(tmp_path / "new.csv")).frame["gender"][3] == "agender"

    frame.loc[4, "income_eur"] = -5
    frame.to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(BadRowsError, match=r"row 5, column 'income_eur': '-5.0' must be a number from 400"):
        rows_for(data=str(tmp_path / "new.csv"))
    frame.drop(columns="defaulted").to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(BadRowsError, match="the file has no such column"):
        rows_for(data=str(tmp_path / "new.csv"))


def test_no_training_row_is_among_the_past_rows(rows_for, credit):
    """Training, validation and past rows have nothing in common."""
    live, _, frame = credit
    labels = live.table.labels(checked_frame(live.table, frame, "rows", training=True))
    cut = split_rows(live.domain.split, labels=labels, times=None, seed=7)
    assert not np.isin(rows_for().frame.index, np.concatenate([cut.train, cut.validation])).any()


def test_of_its_own_rows_those_that_the_bundle_says_tested_it(credit, store):
    """They may have been drawn beside a champion, so that the seed alone does not give them."""
    live, manifest, frame = credit
    known = KnownRows(
        matched=("income_eur",),
        trained=np.array([], np.uint64),
        tested=np.array([], np.uint64),
        test_rows=np.array([3, 7]),
    )
    rows = past_rows(live, manifest, known, data=None, table=None, home=store.home, data_home=None)

    assert rows.frame.index.tolist() == [3, 7]
    assert rows.frame["income_eur"].tolist() == frame["income_eur"].iloc[[3, 7]].tolist()


def test_of_a_grown_file_no_row_that_trained_the_version(credit, store, tmp_path):
    """What it was tested with, and what is new; a file of training rows alone is refused."""
    live, manifest, frame = credit
    checked = checked_frame(live.table, frame, "rows", training=True)
    parts = np.split(np.arange(900), [600, 700])
    split = SplitRows(**dict(zip(("train", "validation", "test"), parts, strict=True)), description="")
    known = KnownRows.of(live.table, checked, split)
    named = {"table": None, "home": store.home, "data_home": None}
    pd.concat([live.domain.simulate(50, 8).frame, frame]).to_csv(tmp_path / "grown.csv", index=False)
    frame[:700].to_csv(tmp_path / "seen.csv", index=False)

    rows = past_rows(live, manifest, known, data=str(tmp_path / "grown.csv"), **named)

    assert rows.frame.index.tolist() == [*range(50), *range(750, 950)]
    assert rows.source.endswith("grown.csv, the 250 of 950 rows that version 1 was not trained on")
    with pytest.raises(SourceError, match=r"trained on every row of .*seen.csv; name rows that are new to it"):
        past_rows(live, manifest, known, data=str(tmp_path / "seen.csv"), **named)
