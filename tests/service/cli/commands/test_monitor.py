"""`backscore monitor`: findings in a table or as JSON, and an exit code that a scheduler can act upon."""

import pytest

from models.clock import utc_now


@pytest.fixture
def client(watched, start_service, monkeypatch):
    """Of a service on the home that the commands use."""
    monkeypatch.setenv("BACKSCORE_HOME", str(watched.home.path))
    return start_service(watched.home.path).client


def test_rows_like_those_of_the_training_are_ok(run, client, ask_yesterday):
    """Each column with its effects, and the finding in a sentence."""
    ask_yesterday(client, 600, now=utc_now())
    shown = run("monitor", "credit")
    assert shown.exit_code == 0
    assert "credit version 3: 600 rows of 7 days." in shown.stdout
    assert "income_eur" in shown.stdout
    assert "no drift" in shown.stdout
    found = run("monitor", "credit", "--json", "--days", "0.5").json
    assert (found["state"], found["n_recent"], found["settings"]["days"]) == ("too_few", 0, 0.5)


def test_a_shift_is_an_exit_code(run, client, ask_yesterday):
    """4, with a sentence for what has shifted."""
    ask_yesterday(client, 600, now=utc_now(), income_eur=9_000)
    shown = run("monitor", "credit")
    assert shown.exit_code == 4
    assert "alarm: Net household income per month: higher, median" in shown.stdout
    told = run("monitor", "credit", "--json")
    assert (told.exit_code, told.json["state"]) == (4, "alarm")


def test_a_version_without_a_reference_cannot_be_watched(run, trained):
    """Bad input, with what to do; so is a model that is not there."""
    shown = run("monitor", "credit")
    assert shown.exit_code == 2
    assert "train again" in shown.stderr
    assert run("monitor", "nothing").exit_code == 2


def test_a_training_keeps_a_reference(run, credit_csv):
    """So that what it trained can be watched at once."""
    assert run("train", "credit", "--data", credit_csv, "--preset", "fast", "--promote", "always").exit_code == 0
    found = run("monitor", "credit", "--json").json
    assert (found["state"], found["n_recent"]) == ("too_few", 0)
    assert all(one["n_reference"] > 800 for one in found["columns"])
    assert 200 <= found["score"]["n_reference"] < 500


def test_few_rows_in_another_unit_are_told(run, client, ask_yesterday):
    """As a sentence; no exit code, since it is not an alarm."""
    ask_yesterday(client, 980, now=utc_now())
    ask_yesterday(client, 20, now=utc_now(), income_eur=39_000)
    shown = run("monitor", "credit")
    assert shown.exit_code == 0
    assert "watch: Net household income per month: 2 % of values above" in shown.stdout
    assert "(the highest in training), typically 39,000 EUR per month" in shown.stdout
