"""Retrainings with fewer and with more inputs, from the file to the answers of callers who have not changed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest


def rows_of(n_rows=1_500, seed=3):
    """Rows with something to learn from two columns; a third says nothing."""
    rng = np.random.default_rng(seed)
    income, debt = rng.normal(size=n_rows), rng.normal(size=n_rows)
    bad = rng.random(n_rows) < 1 / (1 + np.exp(1.5 + income - debt))
    return pd.DataFrame(
        {
            "income": income.round(4),
            "debt": debt.round(4),
            "pets": rng.integers(0, 5, n_rows),
            "bad": np.where(bad, "yes", "no"),
        }
    )


@pytest.fixture
def train(run, home, tmp_path):
    """Trains the next version on a table of the rows' columns, with these lines under some of them."""

    def train(frame, *words, **lines):
        rows, toml = tmp_path / "rows.csv", tmp_path / "mine.toml"
        frame.to_csv(rows, index=False)
        assert run("table", "infer", rows, "--target", "bad", "--out", toml, "--force").exit_code == 0
        text = toml.read_text()
        for column, line in lines.items():
            text = text.replace(f"[columns.{column}]\n", f"[columns.{column}]\n{line}\n")
        toml.write_text(text)
        words = ("--preset", "fast", "--promote", "always", *words, "--json")
        return run("train", "credit", "--name", "lending", "--table", toml, "--data", rows, *words)

    return train


@pytest.fixture
def score(start_service, home):
    """Scores a row by what is live now."""
    return lambda row: start_service(home.path).client.post("/v1/lending/score", json=row)


def test_an_input_that_a_retraining_drops_is_taken_by_three_versions_and_refused_by_the_fourth(train, score):
    """Nobody allows anything; the job says what goes, and each answer how long it may still come."""
    old = {"income": 0.5, "debt": -0.2, "pets": 2}
    assert train(rows_of()).json["promoted"]
    assert score(old).json()["warnings"] == []
    said = []

    for number in (2, 3, 4, 5):
        trained = train(rows_of(), pets='role = "ignore"').json
        assert (trained["version"], trained["promoted"]) == (number, True)
        assert ("column pets is no longer an input; for three versions" in trained["why"]) is (number == 2)
        response = score(old)
        said.append(response.json()["warnings"] if number < 5 else response.json()["errors"])

    for warnings, more in zip(
        said[:3], ("two more versions take", "one more version takes", "the next version refuses"), strict=True
    ):
        assert len(warnings) == 1
        assert warnings[0].startswith("'pets' is no input of version")
        assert warnings[0].endswith(f"{more} it")
    assert [(error["path"], error["message"]) for error in said[3]] == [
        ("/pets", "pets is a column of the table, but not an input of this model")
    ]


def test_an_input_that_a_retraining_adds_needs_a_default(run, train, score):
    """Without one the version is kept and the field named; with one it goes live, and old rows are answered by it."""
    old = {"income": 0.5, "debt": -0.2}
    assert train(rows_of().drop(columns="pets")).json["promoted"]

    refused = train(rows_of())

    assert refused.exit_code == 3
    assert "column pets is new and required; give it a default in the table" in refused.json["why"]
    by_hand = run("models", "promote", "lending", 2, "--why", "more")
    assert by_hand.exit_code == 2
    assert "column pets is new and required" in " ".join(by_hand.stderr.split())

    added = train(rows_of(), pets="default = 1")

    assert added.json["promoted"]
    assert "column pets is new; requests may lack it" in added.json["why"]
    same = "probability_of_default"
    assert score(old).json()[same] == score({**old, "pets": 1}).json()[same]


def test_a_promotion_by_hand_says_what_it_changes_for_callers(run, train):
    train(rows_of())
    train(rows_of(), "--promote", "never", pets='role = "ignore"')

    promoted = run("models", "promote", "lending", 2, "--why", "smaller", "--json")

    assert promoted.json["notes"] == ["column pets is no longer an input; for three versions requests may hold it"]
    run("models", "rollback", "lending", "--why", "for the next")
    told = " ".join(run("models", "promote", "lending", 2, "--why", "smaller").stderr.split())
    assert "Note: column pets is no longer an input; for three versions requests may hold it." in told


def test_a_default_that_is_no_value_is_refused_before_training(train):
    refused = train(rows_of(), pets='default = "many"')
    assert refused.exit_code == 2
    assert "column 'pets': 'default' is 'many'; it must be a" in " ".join(refused.stderr.split())
