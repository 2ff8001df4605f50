"""A target that is not binary is refused wherever rows with outcomes come in, by every format of a file."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.registry.bundles import read_manifest

N_ROWS = 600
RISK = np.random.default_rng(5).random(N_ROWS)
TARGETS = {
    "three levels": ("category", np.array(["good", "late", "bad"])[(RISK * 3).astype(int)], "'late' ("),
    "digits": ("number", (RISK * 10).astype(int), "number with 10 different values"),
    "continuous": ("number", RISK, "number with 600 different values"),
    "0 and 1 as a number": ("number", (RISK > 0.5).astype(float), "kind = 'flag'"),
    "1 and 2": ("category", (RISK > 0.5).astype(int) + 1, "'1' ("),
}


def write(frame: pd.DataFrame, path) -> None:
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)


def files(folder, suffix, kind, target, more=""):
    """A file with rows, and the table that describes it."""
    rows, toml = folder / f"rows{suffix}", folder / "mine.toml"
    noise = np.random.default_rng(6).normal(0, 0.2, N_ROWS)
    write(pd.DataFrame({"x": RISK + noise, "ad": np.tile(["one", "two"], N_ROWS // 2), "y": target}), rows)
    toml.write_text(
        'name = "mine"\n[columns.x]\nkind = "number"\n[columns.ad]\nkind = "category"\npart = "ad"\n'
        f'[columns.y]\nkind = "{kind}"\nrole = "target"\n{more}'
    )
    return rows, toml


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("name", TARGETS)
def test_training_refuses_it(run, open_registry, tmp_path, name, suffix):
    """Exit code 2 with the column, its values and what to write; nothing is registered."""
    kind, target, said = TARGETS[name]
    rows, toml = files(tmp_path, suffix, kind, target)

    outcome = run("train", "credit", "--table", toml, "--data", rows, "--preset", "fast", "--json")

    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    for words in ("target 'y'", said, "positive = '...'"):
        assert words in " ".join(outcome.stderr.split())
    assert open_registry.names() == []


def test_evaluation_refuses_it(run, tmp_path):
    """What an ad is worth is counted in events too."""
    kind, target, said = TARGETS["three levels"]
    rows, toml = files(tmp_path, ".csv", kind, target)

    outcome = run("evaluate", "ads", "--table", toml, "--data", rows, "--preset", "fast")

    assert outcome.exit_code == 2
    for words in ("target 'y'", said, "positive = '...'"):
        assert words in " ".join(outcome.stderr.split())


@pytest.mark.parametrize("name", ["three levels", "digits"])
def test_a_guessed_table_says_what_is_missing(run, tmp_path, name):
    """The description is written for the person to finish; training with it as it is stops."""
    rows, toml = files(tmp_path, ".csv", *TARGETS[name][:2])

    guessed = run("table", "infer", rows, "--target", "y", "--out", toml, "--force")
    trained = run("train", "credit", "--table", toml, "--data", rows, "--preset", "fast")

    assert guessed.exit_code == 0
    assert "set positive = '...'" in " ".join(guessed.stderr.split())
    assert trained.exit_code == 2


@pytest.mark.parametrize(
    ("target", "kind", "positive"),
    [
        (np.where(RISK > 0.3, "1.0", "0.0"), "flag", "1"),
        (np.where(RISK > 0.3, "yes", "no"), "flag", "yes"),
        (np.where(RISK > 0.3, "1", "0"), "flag", "1"),
    ],
)
def test_a_guessed_flag_counts_its_true_value(run, home, open_registry, tmp_path, target, kind, positive):
    """Also where the true value is the more frequent one; the rate of the model shows which it was."""
    rows, toml = files(tmp_path, ".csv", "flag", target)

    assert run("table", "infer", rows, "--target", "y", "--out", toml, "--force").exit_code == 0
    words = ("--table", toml, "--data", rows, "--preset", "fast", "--promote", "always")
    outcome = run("train", "credit", *words, "--json")

    assert outcome.exit_code == 0, outcome.stderr
    found = read_manifest(home.bundles, open_registry.champion("credit").digest).table.target
    assert (found.kind, found.positive) == (kind, positive)
    assert outcome.json["metrics"]["positive_rate"] == pytest.approx((RISK > 0.3).mean(), abs=0.02)
    assert outcome.json["metrics"]["auc"] > 0.8


@pytest.mark.parametrize(("kind", "target"), [TARGETS[name][:2] for name in ("three levels", "digits")])
def test_naming_the_event_mends_it(run, tmp_path, kind, target):
    """With `positive` the same file trains, on that value against all others."""
    event = {"category": "bad", "number": "3"}[kind]
    rows, toml = files(tmp_path, ".csv", kind, target, f'positive = "{event}"\n')

    words = ("--table", toml, "--data", rows, "--preset", "fast", "--promote", "always")
    outcome = run("train", "credit", *words, "--json")

    assert outcome.exit_code == 0, outcome.stderr
    share = (pd.Series(target).astype(str) == event).mean()
    assert outcome.json["metrics"]["positive_rate"] == pytest.approx(share, abs=0.02)
