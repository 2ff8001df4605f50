"""`data`: simulated and public tables."""

from __future__ import annotations

import os

import pandas as pd
import pytest

from data.files.sources import read_frame
from data.tables._catalogue import public_tables
from models.domains._discovery import load_domains

DATA_HOME = os.environ.get("BACKSCORE_DATA_HOME")  # before the fixture takes it away


def test_everything_is_listed(run):
    """Every domain has a simulator, and every public table says whether it is here."""
    outcome, for_people = run("data", "list", "--json"), run("data", "list")

    assert [simulator["domain"] for simulator in outcome.json["simulators"]] == sorted(load_domains())
    assert {table["name"]: table["found"] for table in outcome.json["public_tables"]} == dict.fromkeys(public_tables())
    assert for_people.exit_code == 0
    for name in [*load_domains(), *public_tables()]:
        assert name in for_people.stdout


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_simulated_rows_are_written(run, tmp_path, suffix):
    """The file holds the simulator's rows for that seed."""
    out = tmp_path / f"rows{suffix}"

    outcome = run("data", "simulate", "ads", "--rows", 50, "--seed", 4, "--out", out)

    expected = load_domains()["ads"].simulate(50, 4).frame
    assert outcome.exit_code == 0
    assert "50" in outcome.stdout
    pd.testing.assert_frame_equal(
        read_frame(out).astype(str), expected.astype(str), check_dtype=False, check_column_type=False
    )


def test_what_cannot_be_done_is_bad_input(run, tmp_path):
    """An unknown public table, another format, a folder that is not there."""
    for words, said in [
        (("fetch", "iris"), "'iris'"),
        (("simulate", "ads", "--out", tmp_path / "rows.xlsx"), ".parquet"),
        (("simulate", "ads", "--out", tmp_path / "absent" / "rows.csv"), "absent"),
        (("simulate", "ads", "--rows", 0, "--out", tmp_path / "rows.csv"), "--rows"),
    ]:
        outcome = run("data", *words)
        assert outcome.exit_code == 2
        assert said in outcome.stderr


@pytest.mark.skipif(DATA_HOME is None, reason="needs the files of the public tables in BACKSCORE_DATA_HOME")
def test_a_public_table_is_found_and_trained_on(run, monkeypatch):
    """By its name alone, from the data home."""
    monkeypatch.setenv("BACKSCORE_DATA_HOME", str(DATA_HOME))

    fetched = run("data", "fetch", "german", "--json")
    trained = run("train", "credit", "--name", "german", "--table", "german", "--preset", "fast", "--json")

    assert fetched.exit_code == 0, fetched.stderr
    assert fetched.json["n_rows"] == 1000
    assert fetched.json["path"].startswith(str(DATA_HOME))
    assert trained.exit_code == 0, trained.stderr
    assert trained.json["name"] == "german"
    assert "public table german" in trained.stderr
