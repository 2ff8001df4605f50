"""`score`: files in, files out."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from models.domains._discovery import load_domains


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.csv"
    load_domains()["fraud"].simulate(500, 3).frame.to_csv(path, index=False)
    return path


def test_a_file_is_scored(run, trained, rows, tmp_path):
    """Every row is kept and gets the fields of the domain's answer."""
    out = tmp_path / "answers.parquet"

    outcome = run("score", rows, "--name", "fraud", "--out", out, "--rows-per-chunk", 100, "--json")

    given, answers = pd.read_csv(rows), pd.read_parquet(out)
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.json["n_rows"] == len(answers) == len(given)
    assert (outcome.json["name"], outcome.json["version"], outcome.json["n_bad_rows"]) == ("fraud", 1, 0)
    added = ["fraud_probability", "anomaly_score", "decision", "rules", "warnings", "error"]
    assert list(answers.columns) == [*given.columns, *added]
    assert answers["fraud_probability"].between(0, 1).all()
    assert outcome.stderr == ""


def test_bad_rows_are_a_warning(run, trained, rows, tmp_path):
    """The good rows are scored, the exit code is 0, and the warning counts the bad ones and names the first."""
    frame = pd.read_csv(rows, dtype=str)
    column = next(column.name for column in trained_table(trained, "fraud").inputs if column.kind == "number")
    frame.loc[[4, 20], column] = "much"
    frame.assign(colour="red").to_csv(rows, index=False)

    outcome = run("score", rows, "--name", "fraud", "--out", tmp_path / "answers.csv")

    assert outcome.exit_code == 0
    assert "498 of 500 rows" in outcome.stdout
    assert "Warning: 2 row(s) were not scored" in outcome.stderr
    assert f"row 5, column '{column}': 'much'" in outcome.stderr
    assert "colour" in outcome.stderr


def test_reasons_are_added_when_asked_for(run, trained, credit_csv, tmp_path):
    """--reasons adds a column with the reasons of adverse decisions."""
    outcome = run("score", credit_csv, "--name", "credit", "--out", tmp_path / "out.parquet", "--reasons")

    answers = pd.read_parquet(tmp_path / "out.parquet")
    adverse = answers["decision"] != "approve"
    assert outcome.exit_code == 0, outcome.stderr
    assert adverse.any()
    assert (answers["reasons"].notna() == adverse).all()
    assert all(len(json.loads(reasons)) <= 4 for reasons in answers["reasons"].dropna())


def test_what_cannot_be_done_is_bad_input(run, trained, rows, tmp_path):
    """An unknown model, a domain without reasons, a file that is not there, a target of another format."""
    out = tmp_path / "out.csv"
    for words, said in [
        ((rows, "--name", "loans", "--out", out), "'loans' has no live model"),
        ((rows, "--name", "ads", "--out", out, "--reasons"), "gives no reasons"),
        ((tmp_path / "absent.csv", "--name", "fraud", "--out", out), "absent.csv"),
        ((rows, "--name", "fraud", "--out", tmp_path / "out.json"), "out.json"),
        ((rows, "--name", "credit", "--out", out), "income_eur"),
    ]:
        outcome = run("score", *words)
        assert outcome.exit_code == 2, outcome
        assert said in outcome.stderr
        assert outcome.stdout == ""
    assert not out.exists()


def trained_table(store, name):
    """The table of a live model."""
    domain = load_domains()[store.registry.champion(name).domain]
    return domain.restrict_inputs(domain.table)
