"""From a refused message to its answer: score, label, train on the corrections, and ask again; and thin tables."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from data.files.table_toml import write_table
from models.domains._discovery import load_domains
from models.domains.chat.policy import HANDED_OVER
from models.home import Home
from models.registry.bundles import read_manifest
from models.training.outcome_rows import N_COPIES
from service.app import create_app
from service.settings import Settings
from tests.conftest import ADDRESS, TestClient

REFUSED = "do you sell florbnix vouchers"
ANSWERED = "where's my last order"


Post = Callable[[str, Any], dict[str, Any]]


@pytest.fixture
def post(home: Home) -> Post:
    """Posts to a service that has just started, by the clock that commands have."""

    def ask(path: str, body: Any) -> dict[str, Any]:
        app = create_app(Settings(home=home.path, poll_seconds=3600), log_to=io.StringIO())
        with TestClient(app, base_url=ADDRESS) as client:
            answered: dict[str, Any] = client.post(path, json=body).json()
        return answered

    return ask


def score(post: Post, text: str) -> dict[str, Any]:
    return post("/v1/chat/score", {"text": text})


def label(post: Post, prediction_id: str, level: str) -> None:
    taken = post("/v1/outcomes", {"outcomes": [{"prediction_id": prediction_id, "outcome": level}]})
    assert (taken["n_new"], taken["errors"]) == (1, [])


def test_a_corrected_message_is_answered(run: Any, home: Home, post: Post) -> None:
    """One label is enough for it; what was answered still is, nothing else is lost, and the monitor counts it."""
    run("train", "chat", "--preset", "fast")
    first = score(post, REFUSED)
    assert (first["decision"], first["intent"]) == ("handover", None)
    label(post, first["prediction_id"], "transfer")

    trained = run("train", "chat", "--from-outcomes", "--preset", "fast", "--json")
    assert trained.exit_code == 0, trained.stderr
    assert (trained.json["version"], trained.json["promoted"]) == (2, True)
    manifest = read_manifest(home.bundles, trained.json["digest"])
    assert manifest.n_rows == load_domains()["chat"].n_simulated_rows + N_COPIES
    assert manifest.source.startswith("simulated chat rows, seed 0, and 1 recorded predictions of 'chat'")
    report = (home.bundles / trained.json["digest"] / "report.html").read_text()
    assert "8 more rows are trained on alone" in report

    again = score(post, REFUSED)
    assert (again["version"], again["decision"], again["intent"]) == (2, "answer", "transfer")
    assert score(post, ANSWERED)["intent"] == "order_status"
    monitored = run("monitor", "chat", "--json")
    assert monitored.exit_code in (0, 4)
    found = {one["name"]: (one["n"], one["of"]) for one in monitored.json["figures"]}
    assert found["corrected"] == (1, 1)
    assert found["refused"] == (1, 3)
    assert "Labelled messages that were taken for something else" in run("monitor", "chat").stdout

    second = run("train", "chat", "--from-outcomes", "--preset", "fast", "--seed", 1, "--promote", "never", "--json")
    assert second.exit_code == 3, second.stderr  # a version that was corrected can be corrected again
    assert second.json["version"] == 3


def test_rows_of_a_file_are_named_again(run: Any, post: Post, tmp_path: Path) -> None:
    """Nobody else has them; without them nothing is trained, and the error says what to write."""
    domain = load_domains()["chat"]
    domain.simulate(1_000, 3).frame.to_csv(tmp_path / "messages.csv", index=False)
    write_table(domain.table, tmp_path / "messages.toml")
    rows = ("--table", tmp_path / "messages.toml", "--data", tmp_path / "messages.csv", "--preset", "fast")
    run("train", "chat", *rows)
    label(post, score(post, REFUSED)["prediction_id"], "loan")
    refused = run("train", "chat", "--from-outcomes")
    assert refused.exit_code == 2
    assert "name them with --table and --data" in refused.stderr
    assert "messages.csv" in refused.stderr
    trained = run("train", "chat", "--from-outcomes", *rows, "--promote", "always", "--json")
    assert trained.exit_code == 0, trained.stderr
    assert score(post, REFUSED)["intent"] == "loan"


def test_an_intent_with_one_example_is_trained_on(run: Any, home: Home, post: Post, tmp_path: Path) -> None:
    """It can test nothing, and the report says so; the message itself is recognized. So it is in the next training."""
    domain = load_domains()["chat"]
    frame = domain.simulate(1_000, 3).frame
    frame = pd.concat([frame[frame.intent != "loan"], frame[frame.intent == "loan"].iloc[:1]])
    frame.to_csv(tmp_path / "messages.csv", index=False)
    (only,) = frame[frame.intent == "loan"].text
    for number in (1, 2):
        trained = run(
            "train", "chat", "--data", tmp_path / "messages.csv", "--preset", "fast", "--promote", "always", "--json"
        )
        assert (trained.exit_code, trained.json["version"]) == (0, number), trained.stderr
        report = (home.bundles / trained.json["digest"] / "report.html").read_text()
        assert "1 more row is trained on alone" in report
    answer = score(post, only)
    assert answer["candidates"][0]["intent"] == "loan"
    assert set(answer["probabilities"]) == set(domain.table.target.levels)


def test_an_intent_without_an_answer_is_handed_over(run: Any, post: Post, tmp_path: Path) -> None:
    """Over HTTP: alone and in a conversation, with a text, and with the intent for the person who takes over."""
    domain = load_domains()["chat"]
    answers = {name: reply for name, reply in domain.table.answers.items() if name != "order_status"}
    domain.simulate(1_000, 3).frame.to_csv(tmp_path / "messages.csv", index=False)
    write_table(replace(domain.table, answers=answers), tmp_path / "messages.toml")
    run("train", "chat", "--table", tmp_path / "messages.toml", "--data", tmp_path / "messages.csv", "--preset", "fast")
    scored = score(post, ANSWERED)
    reply = post("/v1/chat/reply", {"text": ANSWERED, "session": "s"})
    for found in (scored, reply):
        assert (found["decision"], found["intent"], found["answer"]) == ("handover", "order_status", HANDED_OVER)
    assert len(reply["transcript"]) == 2
