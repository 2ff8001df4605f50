"""A CSV of the user's own, from the first look at it to answers, without touching Python."""

from __future__ import annotations

import csv
import json
import tomllib

import numpy as np
import pandas as pd
import pytest

from data.files.table_toml import read_table, write_table
from models.registry.bundles import read_manifest
from tests.service.cli.conftest import messy_rows


@pytest.fixture
def office_csv(tmp_path):
    path = tmp_path / "office.csv"
    messy_rows(1500, seed=0).to_csv(path, index=False, sep=";")
    return path


def test_infer_edit_train_score(run, home, open_registry, office_csv, tmp_path):
    """The table that is guessed, corrected by hand, types the model; the model scores the next export."""
    toml = tmp_path / "office.toml"

    guessed = run("table", "infer", office_csv, "--target", "outcome", "--out", toml)

    assert guessed.exit_code == 0, guessed.stderr
    columns = tomllib.loads(toml.read_text())["columns"]
    assert (columns["outcome"]["role"], columns["outcome"]["positive"]) == ("target", "bad")
    assert columns["income (EUR)"]["kind"] == "number"
    assert columns["income (EUR)"]["optional"]
    assert columns["opened on"]["kind"] == "time"
    assert columns["newsletter"]["kind"] == "flag"
    for name in columns:
        assert name in guessed.stdout

    assert columns["collection fee"]["role"] == "ignore"  # it gives the outcome away

    heading = "[columns.newsletter]\n"
    assert heading in toml.read_text()
    toml.write_text(toml.read_text().replace(heading, heading + 'role = "ignore"\n'))
    trained = run(
        "train", "credit", "--name", "office", "--table", toml, "--data", office_csv, "--preset", "fast", "--json"
    )

    assert trained.exit_code == 0, trained.stderr
    assert 0.6 < trained.json["metrics"]["auc"] < 0.95  # the leak would give 1
    manifest = read_manifest(home.bundles, open_registry.champion("office").digest)
    # No request needs the time that only split the rows
    assert manifest.table == read_table(toml).with_columns({"opened on": {"optional": True}})
    assert "opened on" not in [column.name for column in manifest.table.features]
    assert manifest.table["newsletter"].role == "ignore"

    new = messy_rows(400, seed=1).drop(columns=["outcome", "collection fee", "newsletter"])
    new = new.drop(columns="opened on")
    new["late payments"] = new["late payments"].astype(object)
    new.loc[3, "late payments"] = "three"
    new.to_csv(tmp_path / "new.csv", index=False)
    scored = run("score", tmp_path / "new.csv", "--name", "office", "--out", tmp_path / "answers.csv", "--json")

    assert scored.exit_code == 0, scored.stderr
    assert (scored.json["n_rows"], scored.json["n_bad_rows"]) == (400, 1)
    assert "row 4, column 'late payments': 'three'" in scored.stderr
    with (tmp_path / "answers.csv").open(newline="") as file:
        answers = list(csv.DictReader(file))
    assert [row["Customer No"] for row in answers] == new["Customer No"].tolist()
    assert answers[3]["decision"] == ""
    assert "'three'" in answers[3]["error"]
    found = pd.DataFrame(answers).drop(index=3)
    late = found["late payments"].astype(int)
    risk = found["probability_of_default"].astype(float)
    assert risk[late >= 2].mean() > risk[late == 0].mean() + 0.2


def test_an_edited_table_is_not_overwritten(run, office_csv, tmp_path):
    """Corrections are work; only --force replaces them."""
    toml = tmp_path / "office.toml"
    toml.write_text("# my corrections")
    words = ("table", "infer", office_csv, "--target", "outcome", "--out", toml)

    refused = run(*words)
    kept = toml.read_text()
    replaced = run(*words, "--force")

    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert kept == "# my corrections"
    assert replaced.exit_code == 0
    assert "outcome" in tomllib.loads(toml.read_text())["columns"]


def test_a_target_that_is_not_there_is_bad_input(run, office_csv, tmp_path):
    """The columns there are are named."""
    outcome = run("table", "infer", office_csv, "--target", "result", "--out", tmp_path / "office.toml")

    assert outcome.exit_code == 2
    assert "'result'" in outcome.stderr
    assert "outcome" in outcome.stderr
    assert not (tmp_path / "office.toml").exists()


def test_tables_are_shown_wherever_they_come_from(run, office_csv, tmp_path):
    """A TOML file, a domain's own table, and an error that names what there is."""
    toml = tmp_path / "office.toml"
    run("table", "infer", office_csv, "--target", "outcome", "--out", toml)

    own, domain, absent = run("table", "show", toml), run("table", "show", "credit"), run("table", "show", "nothing")

    assert "target, 1 is bad" in own.stdout
    assert "income_eur" in domain.stdout
    assert absent.exit_code == 2
    assert "credit" in absent.stderr


def test_a_trained_table_answers_over_http(run, home, open_registry, office_csv, tmp_path, start_service):
    """The endpoint of the user's model takes the user's columns."""
    toml = tmp_path / "office.toml"
    run("table", "infer", office_csv, "--target", "outcome", "--out", toml)
    run("train", "credit", "--name", "office", "--table", toml, "--data", office_csv, "--preset", "fast")
    example = read_table(toml).example()

    answer = start_service(home.path).client.post("/v1/office/score", json=json.loads(json.dumps(example, default=str)))

    assert answer.status_code == 200, answer.text
    assert 0 < answer.json()["probability_of_default"] < 1


def coded_rows(n_rows, seed):
    """Rows with a code, a flag and a day of the month first, of which the outcome depends on the code."""
    rng = np.random.default_rng(seed)
    grade, days = rng.integers(1, 5, n_rows), pd.to_timedelta(rng.integers(0, 600, n_rows), unit="D")
    return pd.DataFrame(
        {
            "applied": (pd.Timestamp("2023-01-01") + days).strftime("%d/%m/%Y"),
            "grade": grade,
            "owner": rng.integers(0, 2, n_rows),
            "income": rng.lognormal(7.7, 0.4, n_rows).round(2),
            "late": (rng.random(n_rows) < 0.1 + 0.15 * grade).astype(float),
        }
    )


def test_a_later_file_is_read_as_the_training_file_was(run, home, tmp_path):
    """Codes that became floats beside an empty cell, and a month's first days, mean what they meant in training."""
    train, new = coded_rows(1200, seed=0), coded_rows(200, seed=1).drop(columns="late")
    new["applied"] = [f"{i % 12 + 1:02d}/03/2024" for i in range(200)]
    respelled = new.astype({"grade": float, "owner": float})
    respelled.loc[7, "grade"] = np.nan
    respelled.loc[9, "income"] = 1e9
    respelled.loc[[11, 12], "grade"] = 9
    train.to_csv(tmp_path / "train.csv", index=False)
    toml = tmp_path / "table.toml"
    assert run("table", "infer", tmp_path / "train.csv", "--target", "late", "--out", toml).exit_code == 0
    described = tomllib.loads(toml.read_text())["columns"]
    assert (described["late"]["positive"], described["applied"]["format"]) == ("1", "%d/%m/%Y")
    coded = {"kind": "category", "whole": False, "levels": ("1", "2", "3", "4"), "optional": True}
    write_table(read_table(toml).with_columns({"grade": coded}), toml)
    trained = run(
        *("train", "credit", "--name", "coded", "--table", toml, "--data", tmp_path / "train.csv", "--preset", "fast"),
        "--promote", "always",
    )  # fmt: skip
    assert trained.exit_code == 0, trained.stderr

    answers = {}
    for name, frame in (("plain.csv", new), ("respelled.csv", respelled), ("respelled.parquet", respelled)):
        frame.to_parquet(tmp_path / name) if name.endswith("parquet") else frame.to_csv(tmp_path / name, index=False)
        out = tmp_path / f"{name}.scored.csv"
        scored = run("score", tmp_path / name, "--name", "coded", "--out", out, "--json")
        assert (scored.exit_code, scored.json["n_bad_rows"]) == (0, 0), scored.stderr
        answers[name] = pd.read_csv(out)
        if name != "plain.csv":
            found = {one["column"]: (one["n_rows"], one["most_frequent"]) for one in scored.json["warnings"]}
            assert found == {"grade": (2, ["'9'"]), "income": (1, ["1e+09"])}
            assert scored.json["n_rows_with_warnings"] == 3
            assert "grade: unseen or rare in training" in scored.stderr
            assert answers[name].index[answers[name]["warnings"].notna()].tolist() == [9, 11, 12]
        else:
            assert scored.json["warnings"] == []

    same = new.index.difference([7, 9, 11, 12])
    for name in ("respelled.csv", "respelled.parquet"):
        for column in ("probability_of_default", "decision"):
            assert answers[name].loc[same, column].equals(answers["plain.csv"].loc[same, column])
