"""`train`: exit codes, what is printed, and what bad rows lead to."""

from __future__ import annotations

from typing import get_args

import pandas as pd
import pytest

from models.registry.bundles import read_manifest
from models.training.job import Promote
from service.cli.commands.train_options import Promotion


def test_a_first_version_is_promoted_and_reported_as_one_object(run, home, open_registry, credit_csv):
    """--json prints name, version, promoted, why, metrics and seconds; all else is on standard error."""
    outcome = run("train", "credit", "--data", credit_csv, "--preset", "fast", "--seed", 7, "--json")

    found, champion = outcome.json, open_registry.champion("credit")
    assert outcome.exit_code == 0
    assert (found["name"], found["version"], found["promoted"]) == ("credit", 1, True)
    assert found["why"]
    assert found["seconds"] > 0
    assert found["metrics"].keys() >= {"auc", "average_precision", "log_loss", "brier"}
    assert found["metrics"] == champion.metrics
    assert found["digest"] == champion.digest
    assert (home.bundles / champion.digest / "report.html").samefile(found["report"])
    manifest = read_manifest(home.bundles, champion.digest)
    assert (manifest.source, manifest.seed, manifest.preset) == (str(credit_csv), 7, "fast")
    assert "Training on" in outcome.stderr
    assert "of at most 30 epochs, loss: training" in outcome.stderr


def test_the_result_stands_beside_the_others(run, trained, credit_csv):
    """For people there is a table with logistic regression, gradient boosting and the champion."""
    outcome = run("train", "credit", "--data", credit_csv, "--preset", "fast", "--promote", "always")

    assert outcome.exit_code == 0
    for text in ("AUC", "this version", "logistic regression", "gradient boosting", "champion (version 1)"):
        assert text in outcome.stdout
    assert "Version 3 of 'credit' is now the champion" in outcome.stdout
    assert trained.registry.champion("credit").number == 3


def test_a_version_that_is_not_promoted_ends_with_3(run, trained, credit_csv):
    """It is registered, the champion stays, and the reason is printed."""
    outcome = run("train", "credit", "--data", credit_csv, "--preset", "fast", "--promote", "never", "--json")

    assert outcome.exit_code == 3
    assert (outcome.json["version"], outcome.json["promoted"]) == (3, False)
    assert outcome.json["why"] in outcome.stderr
    assert trained.registry.champion("credit").number == 1
    assert len(trained.registry.versions("credit")) == 3


def changed(change):
    """Writes the rows after a change to them."""
    return lambda frame, path: change(frame).to_csv(path, index=False)


def holding(content):
    """Writes other bytes in place of the rows."""
    return lambda _frame, path: path.write_bytes(content)


def with_bad_cells(frame):
    frame = frame.astype({"income_eur": object})
    frame.loc[16, "income_eur"] = "lots"
    frame.loc[899, "amount_eur"] = -1
    return frame


def with_one_default(frame):
    return frame[~frame["defaulted"]].head(50).assign(defaulted=[True] + [False] * 49)


BAD_FILES = {
    "missing column": (changed(lambda frame: frame.drop(columns="income_eur")), ["'income_eur'"]),
    "one-class target": (changed(lambda frame: frame.assign(defaulted=True)), ["'defaulted'", "every row holds"]),
    "no rows": (changed(lambda frame: frame.head(0)), ["no rows"]),
    "empty file": (holding(b""), ["empty"]),
    "bytes": (holding(bytes(range(256)) * 8), ["rows.csv"]),
    "prose": (holding(b"this is\x00 no table\n" * 3), ["rows.csv"]),
    "bad rows": (
        changed(with_bad_cells),
        ["row 17, column 'income_eur': 'lots' must be a number", "row 900, column 'amount_eur'"],
    ),
    "too few rows of a class": (changed(with_one_default), ["only 1 of 50 rows"]),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_named_and_nothing_is_registered(run, open_registry, credit_csv, tmp_path, name):
    """Exit code 2, the file, column, row and value on standard error, nothing on standard output."""
    write, said = BAD_FILES[name]
    path = tmp_path / "rows.csv"
    write(pd.read_csv(credit_csv), path)

    outcome = run("train", "credit", "--data", path, "--preset", "fast", "--json")

    assert outcome.exit_code == 2, outcome.stderr
    assert outcome.stdout == ""
    for text in said:
        assert text in outcome.stderr
    assert open_registry.names() == []


def test_a_damaged_parquet_file_is_named(run, tmp_path):
    """Its name promises parquet; its bytes are none."""
    (tmp_path / "rows.parquet").write_text("income_eur,amount_eur\n1,2\n")

    outcome = run("train", "credit", "--data", tmp_path / "rows.parquet")

    assert outcome.exit_code == 2
    assert "rows.parquet" in outcome.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--data", "absent.csv"], "absent.csv"),
        (["--data", "rows.xlsx"], ".parquet"),
        (["--table", "absent.toml"], "absent.toml"),
        (["--name", "Not A Name"], "Not A Name"),
        (["--name", "health"], "health"),
        (["--keep-negatives", "0"], "above 0 and at most 1, got 0"),
    ],
)
def test_a_bad_option_is_bad_input(run, options, said):
    """The message repeats what came."""
    outcome = run("train", "credit", *options)

    assert outcome.exit_code == 2
    assert said in outcome.stderr


def test_a_broken_table_is_named(run, credit_csv, tmp_path):
    """A slip in the TOML is found with its column and field."""
    (tmp_path / "mine.toml").write_text('name = "mine"\n[columns.income_eur]\nkind = "nummer"\n')

    outcome = run("train", "credit", "--table", tmp_path / "mine.toml", "--data", credit_csv)

    assert outcome.exit_code == 2
    for text in ("mine.toml", "income_eur", "nummer"):
        assert text in outcome.stderr


def test_a_name_belongs_to_one_domain(run, trained, tmp_path):
    """A name that stands for credit cannot become an advertising model."""
    rows = tmp_path / "impressions.csv"
    run("data", "simulate", "ads", "--rows", 1500, "--out", rows)

    outcome = run("train", "ads", "--name", "credit", "--data", rows, "--preset", "fast")

    assert outcome.exit_code == 2
    assert "'credit'" in outcome.stderr
    assert len(trained.registry.versions("credit")) == 2


def test_protected_columns_can_be_left_out(run, home, open_registry, tmp_path):
    """The version knows them, and neither asks for nor reads them; a table that marks none is worth a warning."""
    rows = tmp_path / "impressions.csv"
    run("data", "simulate", "ads", "--rows", 1500, "--out", rows)

    outcome = run("train", "ads", "--data", rows, "--preset", "fast", "--promote", "always", "--without-protected")

    assert outcome.exit_code == 0
    assert "no column as protected" not in outcome.stderr
    table = read_manifest(home.bundles, open_registry.champion("ads").digest).table
    assert {column.name for column in table.columns if column.protected} == {"age", "gender"}
    assert not any(column.protected for column in table.inputs)
    run("data", "simulate", "fraud", "--rows", 4000, "--out", rows)
    outcome = run("train", "fraud", "--data", rows, "--preset", "fast", "--without-protected")
    assert "'fraud_simulated' marks no column as protected" in outcome.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--from-events", "--from-outcomes"), "--from-events cannot be combined with --from-outcomes"),
        (("--from-events", "--data", "x.csv"), "--from-events cannot be combined with --data or --table"),
        (("--from-outcomes", "--table", "ulb"), "--from-outcomes cannot be combined with --data or --table"),
    ],
)
def test_rows_come_from_one_source(run, trained, options, message):
    """Two of them are refused before any is read."""
    outcome = run("train", "fraud", *options)

    assert outcome.exit_code == 2
    assert message in " ".join(outcome.stderr.split())


def test_the_choices_of_promotion_are_those_of_the_job():
    """They are repeated to keep --help fast."""
    assert get_args(Promotion) == get_args(Promote)
