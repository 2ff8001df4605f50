"""`evaluate`: the value of policies, from the command line."""

from __future__ import annotations

import pytest

from models.domains._discovery import load_domains


@pytest.fixture
def rows(tmp_path):
    """A file of simulated impressions."""
    path = tmp_path / "rows.parquet"
    load_domains()["ads"].simulate(6_000, 5).frame.to_parquet(path)
    return path


def test_the_values_are_printed_and_written(run, rows, tmp_path):
    """The table for people, one object for programs, and the page."""
    out = tmp_path / "value.html"
    words = ("evaluate", "ads", "--data", rows, "--preset", "fast")

    for_people, for_programs = run(*words, "--out", out), run(*words, "--json")

    assert for_people.exit_code == 0
    for text in ("learned", "gradient boosting", " *", "random", "The learned policy has a rate of"):
        assert text in for_people.stdout
    assert "--control" in for_people.stderr
    assert "share of each action" in for_people.stderr
    assert "<h1>Off-policy evaluation</h1>" in out.read_text("utf-8")
    found = for_programs.json
    assert found["n_train"] == found["n_test"] == 3000
    assert len(found["values"]) == 27 + 4
    learned = found["values"]["learned"]["dr"]
    assert 0 < learned["low"] < learned["value"] < learned["high"] < 1
    assert f"{100 * learned['value']:.2f} %" in for_people.stdout


def test_uplift_is_printed_for_a_control(run, rows):
    """The ad that stands for no treatment is named with its values, separated by commas."""
    outcome = run("evaluate", "ads", "--data", rows, "--preset", "fast", "--control", "sport, budget, banner", "--json")

    assert outcome.json["control"] == "sport, budget, banner"
    assert len(outcome.json["uplifts"]) == 4
    assert "sport, budget, banner" not in outcome.json["uplifts"]


def test_what_cannot_be_evaluated_is_bad_input(run, rows, tmp_path):
    """A domain without ads, an unknown control, a page that cannot be written: said before or instead of a trace."""
    for words, said in [
        (("credit",), "'credit' chooses no actions; domains that do: ads"),
        (("ads", "--data", rows, "--control", "none"), "'none' is not one of the actions"),
        (("ads", "--data", rows, "--out", tmp_path / "value.pdf"), "must end in .html"),
        (("ads", "--data", rows, "--out", tmp_path / "absent" / "value.html"), "there is no folder"),
        (("ads", "--data", tmp_path / "absent.csv"), "file not found"),
        (("nothing",), "unknown domain"),
    ]:
        outcome = run("evaluate", *words, "--preset", "fast")
        assert outcome.exit_code == 2
        assert said in " ".join(outcome.stderr.split())
