"""What may not become a model's first champion, from a file to the exit code."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.domains._discovery import load_domains


def train_on(run, folder, frame, target, *more):
    """Infer a table of a file with these rows, and train on it."""
    rows, toml = folder / "rows.csv", folder / "mine.toml"
    frame.to_csv(rows, index=False)
    assert run("table", "infer", rows, "--target", target, "--out", toml, "--force").exit_code == 0
    toml.write_text(toml.read_text() + "\n".join(more))
    return run("train", "credit", "--name", "lending", "--table", toml, "--data", rows, "--preset", "fast", "--json")


def noise(seed, n_rows):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            **{f"x{i}": rng.normal(size=n_rows).round(3) for i in range(5)},
            "colour": rng.choice(["red", "green", "blue"], n_rows),
            "bad": np.where(rng.random(n_rows) < 0.25, "yes", "no"),
        }
    )


@pytest.mark.parametrize("seed", range(16))
def test_noise_does_not_go_live(run, open_registry, tmp_path, seed):
    """Sixteen files of noise, no champion: registered, exit code 3, with the reason."""
    outcome = train_on(run, tmp_path, noise(seed, 600), "bad")

    assert outcome.exit_code == 3
    assert "not better than the same prediction for every row (the base rate) beyond chance" in outcome.json["why"]
    assert open_registry.champion("lending") is None
    assert len(open_registry.versions("lending")) == 1


def test_fifty_rows_do_not_go_live_and_the_least_number_can_be_set(run, open_registry, tmp_path):
    simulated = load_domains()["credit"].simulate(50, 3).frame

    outcome = train_on(run, tmp_path, simulated, "defaulted")

    assert outcome.exit_code == 3
    assert "at least 10 are needed to judge it; train on more rows" in " ".join(outcome.stderr.split())
    assert open_registry.champion("lending") is None
    fewer = train_on(run, tmp_path, simulated, "defaulted", "[gates]", "min_events = 1", "")
    assert "are needed" not in fewer.json["why"]


def test_simulated_rows_are_for_the_domain_s_own_name(run, open_registry):
    """Exit code 2 with what to write; nothing is registered."""
    outcome = run("train", "credit", "--name", "lending")

    assert outcome.exit_code == 2
    said = " ".join(outcome.stderr.split())
    assert "backscore train credit --name lending --table my.toml --data my.csv" in said
    assert open_registry.names() == []


def test_simulated_rows_do_not_replace_a_champion_of_real_ones(run, trained, credit_csv, open_registry):
    assert run("train", "credit", "--data", credit_csv, "--preset", "fast", "--promote", "always").exit_code == 0

    outcome = run("train", "credit", "--preset", "fast")

    assert outcome.exit_code == 2
    assert "simulated rows must not take its place" in " ".join(outcome.stderr.split())
