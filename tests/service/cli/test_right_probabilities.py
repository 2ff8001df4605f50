"""From a file to probabilities that mean what they say: weights, unseen levels, times, and versions that get worse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data.files.table_toml import read_table, write_table
from models.domains._discovery import load_domains


@pytest.fixture
def trained_on(run, tmp_path):
    """Trains credit model `mine` on these rows, with changes to columns of the inferred table, and more lines in it."""

    def train(frame, *options, columns=None, more=()):
        rows, toml = tmp_path / "rows.csv", tmp_path / "mine.toml"
        frame.to_csv(rows, index=False)
        assert run("table", "infer", rows, "--target", "bad", "--out", toml, "--force").exit_code == 0
        write_table(read_table(toml).with_columns(columns or {}), toml)
        toml.write_text(toml.read_text() + "\n".join(more))
        return run("train", "credit", "--name", "mine", "--table", toml, "--data", rows, "--json", *options)

    return train


@pytest.fixture
def scored(run, tmp_path):
    """Scores rows as a file with model `mine`."""

    def score(frame, *options):
        rows, out = tmp_path / "new.csv", tmp_path / "scored.csv"
        frame.to_csv(rows, index=False)
        assert run("score", rows, "--name", "mine", "--out", out, *options).exit_code == 0
        return pd.read_csv(out)

    return score


def population(n_rows, seed):
    """Rows of which about one in twenty is bad."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"x{i}": rng.normal(size=n_rows).round(4) for i in range(3)})
    bad = rng.random(n_rows) < 1 / (1 + np.exp(3.5 - 1.2 * frame["x0"] + 0.6 * frame["x1"]))
    return frame.assign(bad=np.where(bad, "yes", "no"))


def test_weights_give_the_probabilities_of_the_population(run, trained_on, scored):
    """All bad rows and a tenth of the others, these with weight 10: the rate of the population, not of the file."""
    whole, rng = population(16_000, 0), np.random.default_rng(1)
    is_bad = whole["bad"] == "yes"
    drawn = whole[is_bad | (rng.random(len(whole)) < 0.1)]
    drawn = drawn.assign(times=np.where(drawn["bad"] == "yes", 1, 10))

    counts = {"kind": "number", "role": "weight", "levels": (), "meanings": {}, "example": None}
    outcome = trained_on(drawn, "--preset", "fast", "--promote", "always", columns={"times": counts})

    assert outcome.exit_code == 0, outcome.stderr
    fresh = population(4_000, 2).drop(columns="bad")
    mean = scored(fresh)["probability_of_default"].mean()
    assert is_bad.mean() == pytest.approx(mean, rel=0.2)
    assert (drawn["bad"] == "yes").mean() > 5 * mean


def test_unseen_levels_get_what_such_rows_have_on_average(trained_on, scored):
    """Forty levels in training, others in the file: mean prediction over observed rate, as the guide says."""
    rng = np.random.default_rng(0)

    def rows(first_level, n_levels, n_rows):
        effects = np.random.default_rng(first_level).normal(0, 1, n_levels)
        level, x = rng.integers(0, n_levels, n_rows), rng.normal(size=n_rows).round(3)
        bad = rng.random(n_rows) < 1 / (1 + np.exp(1.5 - effects[level] - 0.8 * x))
        return pd.DataFrame(
            {"shop": [f"shop {first_level + i}" for i in level], "x": x, "bad": np.where(bad, "y", "n")}
        )

    assert trained_on(rows(0, 40, 6_000), "--preset", "balanced", "--promote", "always").exit_code == 0
    new = rows(1_000, 60, 3_000)
    found = scored(new.drop(columns="bad"))
    assert found["warnings"].str.contains("shop").all()
    assert 0.7 < found["probability_of_default"].mean() / (new["bad"] == "y").mean() < 1.4


def test_the_row_s_time_decides_nothing(trained_on, scored):
    """The same rows on another day have the same answers, and no reason names the day."""
    frame = population(3_000, 0).assign(
        applied=pd.date_range("2023-01-01", periods=3_000, freq="3h").strftime("%Y-%m-%d")
    )
    assert trained_on(frame, "--preset", "fast", "--promote", "always").exit_code == 0

    new = population(60, 5).drop(columns="bad")
    answers = [scored(new.assign(applied=day), "--reasons") for day in ("2024-03-04", "2024-12-25")]

    assert answers[0]["probability_of_default"].equals(answers[1]["probability_of_default"])
    reasons = answers[0]["reasons"].dropna().str.cat(sep=" ")
    assert "x0" in reasons
    assert "applied" not in reasons.lower()
    assert "2024" not in reasons


def test_versions_that_get_worse_by_little_do_not_go_live_one_after_the_other(run, trained_on, open_registry):
    """A margin of nothing: the second version is within chance of the first, and refused on the common test set."""
    simulate = load_domains()["credit"].simulate
    good = simulate(4_000, 0).frame.rename(columns={"defaulted": "bad"})
    few = simulate(700, 1).frame.rename(columns={"defaulted": "bad"})
    margin = ["", "[gates]", "margin = 0.0", ""]
    assert trained_on(good, "--preset", "fast", "--promote", "always", more=margin).exit_code == 0

    outcome = trained_on(few, "--preset", "fast", more=margin)

    assert outcome.exit_code == 3
    assert "on the common test set of 800 rows its log-loss is +" in outcome.json["why"]
    assert "against version 1, the one champion so far" in outcome.json["why"]
    assert open_registry.champion("mine").number == 1
