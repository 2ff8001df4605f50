"""What may not become a model's first champion, from a file to the exit code."""

from __future__ import annotations

import json

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


def risk(n_rows=1_500, seed=3):
    """Rows with something to learn, and one of the columns filled in after the event."""
    rng = np.random.default_rng(seed)
    income, debt = rng.normal(size=n_rows), rng.normal(size=n_rows)
    bad = rng.random(n_rows) < 1 / (1 + np.exp(1.5 + income - debt))
    return pd.DataFrame(
        {
            "income": income.round(4),
            "debt": debt.round(4),
            "collected": np.where(bad, rng.integers(1, 900, n_rows), 0),
            "bad": np.where(bad, "yes", "no"),
        }
    )


def train_again(run, folder, *words):
    return run(
        "train", "credit", "--name", "lending", "--table", folder / "mine.toml", "--data", folder / "rows.csv",
        "--preset", "fast", *words,
    )  # fmt: skip


def test_a_suspected_leak_is_said_first_and_does_not_go_live(run, home, open_registry, tmp_path):
    """Nor with `--promote always`, nor by hand, nor as a challenger; only where the column is named."""
    frame = risk()
    assert train_on(run, tmp_path, frame, "bad").exit_code == 3
    refused = train_again(run, tmp_path, "--promote", "always", "--json")

    assert refused.exit_code == 3
    assert refused.json["why"].startswith("suspected leak: 'collected' is 0 in 100.0% of the rows without the event")
    assert "--allow-suspected-leak collected" in refused.json["why"]
    folder = home.bundles / refused.json["digest"]
    for page in ("report.html", "card.html"):
        text = (folder / page).read_text()
        assert 0 < text.index("Suspected leak: “collected”") < text.index("It did not go live")
    assert json.loads((folder / "card.json").read_text())["warnings"][0].startswith("Suspected leak: “collected”")
    by_hand = run("models", "promote", "lending", 1, "--why", "because")
    assert by_hand.exit_code == 2
    assert "--allow-suspected-leak collected" in " ".join(by_hand.stderr.split())
    assert open_registry.champion("lending") is None
    assert train_again(run, tmp_path, "--promote", "challenger").exit_code == 3
    assert (
        run("models", "promote", "lending", 1, "--why", "known", "--allow-suspected-leak", "collected").exit_code == 0
    )

    allowed = train_again(run, tmp_path, "--allow-suspected-leak", "collected", "--promote", "always", "--json")
    assert (allowed.exit_code, allowed.json["suspected_leaks"]) == (0, {})
    assert "no column 'colected'" in train_again(run, tmp_path, "--allow-suspected-leak", "colected").stderr


def test_a_row_number_with_gaps_is_suspected(run, tmp_path):
    frame = noise(0, 600)
    frame.insert(0, "entry", np.cumsum(np.random.default_rng(1).integers(1, 5, 600)))

    outcome = train_on(run, tmp_path, frame, "bad")

    assert outcome.exit_code == 3
    assert "'entry' numbers the rows of the file" in outcome.json["why"]


def test_a_good_event_is_asked_about_and_does_not_go_live_in_a_risk_domain(run, open_registry, tmp_path):
    """Loan_Status = Y for two thirds: approving those without it would decline the good ones."""
    frame = risk().drop(columns="collected").rename(columns={"bad": "Loan_Status"})
    frame["Loan_Status"] = np.where(frame["Loan_Status"] == "yes", "N", "Y")
    rows, toml = tmp_path / "rows.csv", tmp_path / "mine.toml"
    frame.to_csv(rows, index=False)

    inferred = run("table", "infer", rows, "--target", "Loan_Status", "--out", toml)

    said = " ".join(inferred.stderr.split())
    assert inferred.exit_code == 0
    assert "is Loan_Status = 'Y' the event?" in said
    assert "positive = 'N'" in said
    outcome = train_again(run, tmp_path, "--json")
    assert outcome.exit_code == 3
    assert "the event (Loan_Status = Y) is in" in outcome.json["why"]
    assert "positive = 'N'" in outcome.json["why"]
    assert open_registry.champion("lending") is None
    toml.write_text(toml.read_text().replace('positive = "Y"', 'positive = "N"'))
    assert train_again(run, tmp_path, "--json").exit_code == 0


def test_a_version_that_takes_other_requests_is_promoted_only_where_that_is_allowed(run, open_registry, tmp_path):
    assert train_on(run, tmp_path, risk().drop(columns="collected"), "bad").exit_code in (0, 3)
    run("models", "promote", "lending", 1, "--why", "first")
    toml = tmp_path / "mine.toml"
    toml.write_text(toml.read_text().replace("[columns.debt]", "[columns.debt]\nmaximum = 1e9"))

    outcome = train_again(run, tmp_path, "--promote", "always", "--json")

    assert outcome.exit_code == 3
    assert "column debt takes other values" in outcome.json["why"]
    by_hand = run("models", "promote", "lending", 2, "--why", "smaller")
    assert by_hand.exit_code == 2
    assert "column debt takes other values" in " ".join(by_hand.stderr.split())
    assert open_registry.champion("lending").number == 1
    assert run("models", "promote", "lending", 2, "--why", "smaller", "--allow-request-change").exit_code == 0
