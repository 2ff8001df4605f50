"""`backscore rollout`: a challenger is started, shown, judged, promoted once it is better, and withdrawn."""

from functools import partial

import numpy as np
import pytest

from models.errors import NoChallengerError
from models.monitoring.promotion import sequential_test
from models.tasks.binary import binary
from service.cli.commands import rollout as command

judge_shadow = partial(sequential_test.judge_shadow, task=binary("p"))


@pytest.fixture
def two(trained):
    """A home in which credit has a second version."""
    return trained


def judged(verdict):
    """A test with that verdict."""
    rng = np.random.default_rng(0)
    true = rng.random(5_000)
    happened, blurred = rng.random(5_000) < true, rng.random(5_000)
    pairs = {"better": (blurred, true), "worse": (true, blurred), "undecided": (true[:5], blurred[:5])}
    champion, challenger = pairs[verdict]
    test = judge_shadow(champion, challenger, happened[: len(champion)])
    assert test.verdict == verdict
    return test


def test_a_challenger_is_started_shown_and_withdrawn(run, two):
    """With people's words and as JSON; the history names who did it and why."""
    started = run("rollout", "start", "credit", 2, "--canary", 0.2, "--why", "newer rows")
    assert started.exit_code == 0, started.stderr
    assert "Version 2 of 'credit' challenges the champion: canary of 20 %" in started.stdout + started.stderr
    shown = run("rollout", "show", "credit", "--json").json
    assert (shown["version"], shown["champion"], shown["mode"], shown["share"]) == (2, 1, "canary", 0.2)
    assert (shown["test"]["verdict"], shown["test"]["n_predictions"]) == ("undecided", 0)
    assert "no comparable predictions with a known outcome yet" in run("rollout", "show", "credit").stdout
    assert run("rollout", "start", "credit", 2, "--json").json["mode"] == "shadow"
    assert run("rollout", "stop", "credit", "--json").json["version"] == 2
    assert two.registry.rollouts.all() == {}
    assert [event.action for event in two.registry.history("credit")[-3:]] == ["challenge", "challenge", "withdraw"]
    assert run("rollout", "stop", "credit").exit_code == 2


@pytest.mark.parametrize("verdict", ["better", "worse", "undecided"])
@pytest.mark.parametrize("promote", [False, True])
def test_only_a_better_challenger_is_promoted(run, two, monkeypatch, verdict, promote):
    """The exit code tells; the history keeps the figures."""
    run("rollout", "start", "credit", 2)
    test = judged(verdict)
    monkeypatch.setattr(command, "compare", lambda *_: test)

    decided = run("rollout", "decide", "credit", *(["--promote-if-better"] if promote else []), "--json")

    passes = verdict == "better"
    assert decided.exit_code == (0 if passes else 3)
    assert decided.json["promoted"] == (passes and promote)
    assert two.registry.champion("credit").number == (2 if passes and promote else 1)
    assert two.registry.history("credit")[-1].action == ("withdraw" if passes and promote else "challenge")
    if passes and promote:
        assert two.registry.history("credit")[-2].why == test.text
    else:
        assert test.text.split(":")[0] in run("rollout", "show", "credit").stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("start", "credit", 1), "it is the champion"),
        (("start", "credit", 9), "'credit' has no version 9"),
        (("start", "credit", 2, "--canary", 1), "must be above 0 and below 1, got 1"),
        (("show", "credit"), str(NoChallengerError("credit"))),
        (("show", "nothing"), "unknown model 'nothing'; available: ads, chat, credit, digits, forecast, fraud"),
        (("decide", "credit"), "has no challenger"),
    ],
)
def test_what_cannot_be_done_is_said(run, two, words, message):
    """Bad input, in a sentence."""
    outcome = run("rollout", *words)
    assert (outcome.exit_code, message in " ".join(outcome.stderr.split())) == (2, True), outcome.stderr


def test_a_version_can_be_trained_as_a_challenger(run, two, credit_csv):
    """It looks on, and the champion stays."""
    trained = run("train", "credit", "--data", credit_csv, "--preset", "fast", "--promote", "challenger", "--json")
    assert trained.exit_code == 0, trained.stderr
    assert (trained.json["version"], trained.json["promoted"]) == (3, False)
    shown = run("rollout", "show", "credit", "--json").json
    assert (shown["version"], shown["champion"], shown["mode"]) == (3, 1, "shadow")
    assert two.registry.champion("credit").number == 1
