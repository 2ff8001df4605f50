"""From a refused message to its answer: score, label, train on the corrections, and ask again."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.files.table_toml import write_table
from models.domains._discovery import load_domains
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
