"""`models`: all versions, and the champion."""

from __future__ import annotations

import pytest


def test_an_empty_home_has_no_models(run):
    """The list is empty, and says how to train a model."""
    as_json, for_people = run("models", "list", "--json"), run("models", "list")

    assert as_json.json == {"models": []}
    assert for_people.exit_code == 0
    assert "backscore quickstart" in for_people.stderr


def test_models_are_listed(run, trained):
    """Every model with its champion, as JSON and as a table."""
    as_json, for_people = run("models", "list", "--json"), run("models", "list")

    found = {model["name"]: model for model in as_json.json["models"]}
    assert {name: (model["champion"]["version"], model["n_versions"]) for name, model in found.items()} == {
        "ads": (1, 1),
        "chat": (1, 1),
        "credit": (1, 2),
        "digits": (1, 1),
        "forecast": (1, 1),
        "fraud": (1, 1),
    }
    for text in ("ads", "chat", "credit", "digits", "forecast", "fraud", "1 of 2"):
        assert text in for_people.stdout


def test_a_model_is_shown_with_its_history(run, trained):
    """Versions, metrics, and who changed what and why."""
    trained.registry.promote("credit", 2, actor="Ada", why="fairer")

    as_json, for_people = run("models", "show", "credit", "--json"), run("models", "show", "credit")

    found = as_json.json
    assert (found["name"], found["domain"], found["champion"]) == ("credit", "credit", 2)
    assert [version["version"] for version in found["versions"]] == [1, 2]
    assert found["versions"][0]["metrics"] == {"auc": 0.75}
    last = found["history"][-1]
    assert (last["action"], last["from_version"], last["to_version"], last["actor"], last["why"]) == (
        "promote",
        1,
        2,
        "Ada",
        "fairer",
    )
    for text in ("2 (champion)", "Ada", "fairer"):
        assert text in for_people.stdout


def test_promote_and_rollback_change_what_answers(run, trained):
    """Both are recorded with the reason that was given."""
    promoted = run("models", "promote", "credit", 2, "--why", "passed the review", "--json")
    after_promotion = trained.registry.champion("credit").number
    rolled_back = run("models", "rollback", "credit", "--why", "complaints", "--json")

    assert (promoted.exit_code, rolled_back.exit_code) == (0, 0)
    assert (promoted.json["version"], after_promotion, rolled_back.json["version"]) == (2, 2, 1)
    assert trained.registry.champion("credit").number == 1
    events = trained.registry.history("credit")[-2:]
    assert [(event.action, event.why) for event in events] == [
        ("promote", "passed the review"),
        ("rollback", "complaints"),
    ]
    assert all(event.actor.startswith("command line") for event in events)


def alter(trained, number):
    """Change one byte of a version's bundle."""
    scorer = trained.home.bundles / trained.registry.version("credit", number).digest / "state.json"
    content = bytearray(scorer.read_bytes())
    content[len(content) // 2] ^= 1
    scorer.write_bytes(content)


def test_a_damaged_version_is_not_promoted(run, trained):
    """The message says what to do, and the champion stays."""
    alter(trained, 2)

    outcome = run("models", "promote", "credit", 2, "--why", "newer")

    assert outcome.exit_code == 2
    assert "state.json was altered" in outcome.stderr
    assert "name another version" in outcome.stderr
    assert trained.registry.champion("credit").number == 1


def test_nobody_rolls_back_to_a_damaged_version(run, trained):
    """The champion stays, and the history is as before; the way on is a promotion."""
    trained.registry.promote("credit", 2, actor="tests", why="")
    alter(trained, 1)
    before = trained.registry.history("credit")

    outcome = run("models", "rollback", "credit", "--why", "complaints")

    assert outcome.exit_code == 2
    assert "version 1 of 'credit' cannot answer" in outcome.stderr
    assert "state.json was altered" in outcome.stderr
    assert trained.registry.champion("credit").number == 2
    assert trained.registry.history("credit") == before


def test_a_canary_ends_even_if_the_champion_is_damaged(run, trained):
    """It is the emergency brake: services go on with the champion that they have loaded."""
    trained.registry.rollouts.start("credit", 2, mode="canary", share=0.5, actor="tests", why="")
    alter(trained, 1)

    assert run("models", "rollback", "credit", "--why", "complaints").exit_code == 0
    assert trained.registry.rollouts.all() == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "loans"), "'loans'"),
        (("promote", "credit", 9, "--why", "x"), "1, 2"),
        (("promote", "credit", 2), "--why"),
        (("rollback", "credit", "--why", "x"), "version 1 is the first"),
        (("rollback", "loans", "--why", "x"), "'loans'"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_bad_input(run, trained, words, said):
    """The message lists what is available."""
    outcome = run("models", *words)

    assert outcome.exit_code == 2
    assert said in outcome.stderr
    assert outcome.stdout == ""
