"""Files that have grown: rows that trained the champion never test its refinement, nor a version beside it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.domains._discovery import load_domains
from models.home import Home
from models.registry.bundles import read_manifest
from models.registry.registry import Registry
from tests.service.cli.conftest import Run

N_OLD, N_NEW = 1_500, 500


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file, and one that has grown from it: with the new rows first, and as parquet."""
    folder, credit = tmp_path_factory.mktemp("grown"), load_domains()["credit"]
    old, new = credit.simulate(N_OLD, 0).frame, credit.simulate(N_NEW, 1).frame
    old.to_csv(folder / "old.csv", index=False)
    pd.concat([new, old], ignore_index=True).to_parquet(folder / "grown.parquet")
    return folder


@pytest.fixture
def first(run: Run, files: Path) -> None:
    """Version 1, of the old rows."""
    assert run("train", "credit", "--data", files / "old.csv", "--preset", "fast", "--promote", "always").exit_code == 0


def of_bundle(home: Home, digest: str) -> dict[str, Any]:
    """What a bundle holds of its rows, read as the guide describes it."""
    stored = json.loads((home.bundles / digest / "trained_rows.json").read_text())
    arrays = {
        name: np.frombuffer(base64.b64decode(stored[name]), "<u8").tolist()
        for name in ("trained", "tested", "test_rows")
    }
    return {**stored, **arrays}


def old_rows_that_test(first: dict[str, Any], later: dict[str, Any]) -> tuple[set[int], int]:
    """Of a test set of the grown file, which begins with the new rows: positions in the old file, and the new ones."""
    positions = later["test_rows"]
    old = {position - N_NEW for position in positions if position >= N_NEW}
    return old, len(positions) - len(old)


@pytest.mark.parametrize("refine", [True, False])
def test_rows_that_trained_the_champion_do_not_test(
    run: Run, first: None, files: Path, home: Home, open_registry: Registry, refine: bool
) -> None:
    """By their positions: all 300 old test rows, a fifth of the new ones, and no other row."""
    outcome = run(
        *("train", "credit", "--data", files / "grown.parquet", "--seed", 5, "--json"),
        *(["--refine"] if refine else ["--preset", "fast"]),
    )

    assert outcome.exit_code in (0, 3), outcome.stderr
    one = of_bundle(home, open_registry.version("credit", 1).digest)
    two = of_bundle(home, outcome.json["digest"])
    assert old_rows_that_test(one, two) == (set(one["test_rows"]), N_NEW // 5)
    assert "on 400 rows that neither was trained on" in outcome.json["why"]
    said = " ".join(outcome.stderr.split())
    assert (
        "Version 1 was trained on 1,200 of the 2,000 rows, so these do not test; it does not know 500 of them" in said
    )
    report = (home.bundles / outcome.json["digest"] / "report.html").read_text()
    assert "the 1,200 rows that version 1 was trained on stay out of the test set" in report
    assert set(two["trained"]) >= set(one["trained"])
    assert not set(two["trained"]) & set(two["tested"])


def test_a_file_without_new_rows_does_not_refine(
    run: Run, first: None, files: Path, tmp_path: Path, home: Home
) -> None:
    """The training rows in another order, with five new ones; what is missing is said, and nothing is stored."""
    digest = next(home.bundles.iterdir()).name
    old = pd.read_csv(files / "old.csv")
    trained = old.drop(index=of_bundle(home, digest)["test_rows"])
    some = load_domains()["credit"].simulate(5, 9).frame
    pd.concat([trained[::-1], some]).to_csv(tmp_path / "seen.csv", index=False)

    outcome = run("train", "credit", "--data", tmp_path / "seen.csv", "--refine")

    assert outcome.exit_code == 2
    said = " ".join(outcome.stderr.split())
    assert "version 1 of 'credit' cannot be refined: it was trained on 1,200 of the 1,205 rows" in said
    assert "give more rows that it has not seen. Without --refine a new model is trained" in said
    assert [folder.name for folder in home.bundles.iterdir()] == [digest]

    anew = run("train", "credit", "--data", tmp_path / "seen.csv", "--preset", "fast", "--json")
    assert anew.exit_code in (0, 3), anew.stderr
    assert "was trained on" in anew.json["why"]
    assert "on the common test set of 300 rows" in anew.json["why"]
    assert "champion (version 1)" not in anew.json["contenders"]


def test_a_champion_of_an_earlier_release_is_said_to_be_unknown(run: Run, trained: Any, files: Path) -> None:
    """Its bundle holds no digests; both ways of training go on, with a word on what to give."""
    for words in (["--refine"], ["--preset", "fast"]):
        outcome = run("train", "credit", "--data", files / "grown.parquet", "--promote", "never", "--json", *words)
        assert outcome.exit_code == 3, outcome.stderr
        assert "Which rows version 1 was trained on cannot be told" in " ".join(outcome.stderr.split())
    outcome = run("train", "credit", "--data", files / "grown.parquet", "--seed", 2, "--json")
    assert "test rows; which rows version 1 was trained on cannot be told" in outcome.json["why"]
    assert "give rows that it has not seen" in outcome.json["why"]


def test_a_chain_of_refinements_knows_all_its_rows(
    run: Run, first: None, files: Path, tmp_path: Path, home: Home
) -> None:
    """Refined on new rows alone, then on a file of all rows so far and 400 more: no row that trained either tests."""
    credit = load_domains()["credit"]
    credit.simulate(N_NEW, 1).frame.to_csv(tmp_path / "new.csv", index=False)
    grown = [pd.read_parquet(files / "grown.parquet"), credit.simulate(400, 2).frame]
    pd.concat(grown).to_csv(tmp_path / "all.csv", index=False)
    refine = ["train", "credit", "--refine", "--promote", "always", "--json", "--data"]
    second, third = (run(*refine, tmp_path / name).json["digest"] for name in ("new.csv", "all.csv"))

    one, two, three = (of_bundle(home, digest) for digest in (digest_of(home, 1), second, third))
    before = {*two["test_rows"], *(N_NEW + row for row in one["test_rows"])}  # both files begin with the new rows
    assert {row for row in three["test_rows"] if row < N_NEW + N_OLD} == before
    assert len(three["test_rows"]) == len(before) + 80
    assert set(three["trained"]) >= set(two["trained"]) >= set(one["trained"])
    assert three["complete"]


def digest_of(home: Home, number: int) -> str:
    registry = Registry(home.database_url)
    try:
        return registry.version("credit", number).digest
    finally:
        registry.close()


def test_a_version_that_reads_other_columns_knows_the_rows_too(
    run: Run, first: None, files: Path, tmp_path: Path, home: Home
) -> None:
    """The champion's rows are read by its own table."""
    table = tmp_path / "mine.toml"
    run("table", "infer", files / "old.csv", "--target", "defaulted", "--out", table)
    frame = pd.read_parquet(files / "grown.parquet").assign(branch="north")
    frame.to_csv(tmp_path / "grown.csv", index=False)
    text = table.read_text().replace("[columns.purpose]\n", '[columns.purpose]\nrole = "ignore"\n', 1)
    table.write_text(text)

    outcome = run(
        *("train", "credit", "--table", table, "--data", tmp_path / "grown.csv", "--preset", "fast", "--json"),
        *("--allow-request-change", "--promote", "never"),
    )

    assert outcome.exit_code == 3, outcome.stderr
    one, two = of_bundle(home, digest_of(home, 1)), of_bundle(home, outcome.json["digest"])
    assert "purpose" in one["matched"]
    assert "purpose" not in two["matched"]
    assert old_rows_that_test(one, two) == (set(one["test_rows"]), N_NEW // 5)


def test_a_policy_is_simulated_on_rows_that_did_not_train_the_version(
    run: Run, first: None, files: Path, home: Home
) -> None:
    """Of a grown file, the 800 others; of its own file, the test rows of the bundle, also if they were drawn apart."""
    words = ("policy", "simulate", "credit", "--set", "approve_below=0.1", "--data")
    grown = run(*words, files / "grown.parquet")
    assert grown.exit_code == 0, grown.stderr
    assert "the 800 of 2,000 rows that version 1 was not trained on" in " ".join(grown.stdout.split())
    run("train", "credit", "--data", files / "grown.parquet", "--seed", 5, "--preset", "fast", "--promote", "always")
    again = run(*words, files / "grown.parquet")
    assert "the 400 test rows of version 2" in " ".join(again.stdout.split())
    assert read_manifest(home.bundles, digest_of(home, 2)).seed == 5
