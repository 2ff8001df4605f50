"""`rules backtest`: rules of a file on past rows, as tables and as JSON."""

from __future__ import annotations

import pytest

from models.domains._discovery import load_domains

RULES = """
[[rules]]
name = "large"
action = "block"
when = [{column = "amount_eur", above = 150}]

[[rules]]
name = "chip"
action = "allow"
live = false
when = [{column = "channel", is = "chip"}]
"""


@pytest.fixture
def backtest(run, trained, tmp_path):
    """Tries the rules on a file of past transactions."""
    rules, rows = tmp_path / "rules.toml", tmp_path / "transactions.csv"
    rules.write_text(RULES)
    load_domains()["fraud"].simulate(600, 5).frame.to_csv(rows, index=False)
    return lambda *words, name="fraud": run("rules", "backtest", name, "--rules", rules, "--data", rows, *words)


def test_rules_are_tried_and_told(backtest):
    """Hits, and what they add to the model; a rule that is not live is tested too, and marked."""
    outcome = backtest()

    assert outcome.exit_code == 0
    for text in (
        "transactions.csv, all 600 rows: ",
        "the model alone reviews or blocks",
        "large (block)",
        "chip (allow, not live)",
        "all together",
        "precision",
        "good cards",
    ):
        assert text in outcome.stdout
    assert "Caught anyway: " in outcome.stderr


def test_the_same_as_json(backtest, trained):
    """Counted as the file's rows say; nothing is stored by it."""
    found = backtest("--json").json
    frame = load_domains()["fraud"].simulate(600, 5).frame

    hits = [frame["amount_eur"] > 150, frame["channel"] == "chip"]
    assert [(rule["rule"], rule["live"]) for rule in found["rules"]] == [("large", True), ("chip", False)]
    assert [rule["n_rows"] for rule in found["rules"]] == [int(hit.sum()) for hit in hits]
    assert [rule["n_frauds"] for rule in found["rules"]] == [int((hit & frame["fraud"]).sum()) for hit in hits]
    assert (found["name"], found["n_rows"], found["n_frauds"]) == ("fraud", 600, int(frame["fraud"].sum()))
    assert trained.registry.policies.stored("fraud") == []


def test_what_cannot_be_tried_is_explained(backtest, run, tmp_path):
    """Models without rules or without a name, and files that are not there: exit code 2."""
    for outcome, words in (
        (backtest(name="nobody"), "'nobody' has no live model"),
        (backtest("--table", "handbook"), "name only one of them"),
        (run("rules", "backtest", "fraud", "--rule", tmp_path / "none.toml"), "none.toml: cannot be read"),
    ):
        assert (outcome.exit_code, outcome.stdout) == (2, "")
        assert words in outcome.stderr
