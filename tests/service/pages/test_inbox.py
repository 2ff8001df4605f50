"""The inbox: what was refused is labelled on the page or by a file, and learned from."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from models.domains._discovery import load_domains
from models.records.outcomes.predictions import PREDICTIONS
from service.cli import app
from tests.conftest import Store, quick_live
from tests.service.pages.parsed import parsed

TWICE, ONCE = "can i pay with florbnix", "purple monkeys <b>dance</b>"


def known(client: Any) -> dict[str, Any]:
    with client.app.state.predictions.engine.connect() as connection:
        return PREDICTIONS.values(connection, "chat")


def ask(client: Any, text: str) -> str:
    answered = client.post("/v1/chat/score", json={"text": text}).json()
    assert answered["decision"] == "handover"
    return str(answered["prediction_id"])


@pytest.fixture
def client(start_service: Any, store: Store) -> Any:
    return start_service(store.home.path).client


def test_what_was_refused_is_listed_and_labelled(client: Any) -> None:
    """Equal messages together, the most frequent first; a button records the outcome of each, and they are gone."""
    ids = [ask(client, text) for text in (TWICE, ONCE, TWICE)]
    assert client.post("/v1/chat/score", json={"text": "where's my last order"}).json()["decision"] == "answer"
    assert client.post("/v1/chat/score", json={"text": "👍"}).json()["decision"] == "ask"
    page = parsed(client.get("/models/chat/inbox"))
    items = page.all("article")
    assert [item.one("h3").text for item in items] == [TWICE, ONCE]
    near = items[0].all("button", name="label")
    offered = client.post("/v1/chat/score", json={"text": TWICE}).json()["candidates"]
    assert [one["value"] for one in near] == [*(one["intent"] for one in offered), "unknown"]
    levels = {one["value"] for one in (*near, *items[0].all("option"))}
    assert levels == set(load_domains()["chat"].table.target.levels)

    form = items[0].all("form")[0]
    fields = {one["name"]: one["value"] for one in form.all("input")}
    sent = client.post("/models/chat/inbox", data={**fields, "label": "transfer"}, follow_redirects=False)
    assert (sent.status_code, sent.headers["location"]) == (303, "/models/chat/inbox?labelled=2")
    assert known(client) == {ids[0]: "transfer", ids[2]: "transfer"}
    after = parsed(client.get("/models/chat/inbox?labelled=2"))
    assert after.one(class_="done").text == "2 outcomes recorded."
    assert [item.one("h3").text for item in after.all("article")] == [ONCE]  # though TWICE came once more


def test_wrong_labels_change_nothing(client: Any) -> None:
    """A level that there is not, a prediction that there is not, a foreign page."""
    named = ask(client, ONCE)
    page = parsed(client.get("/models/chat/inbox"))
    fields = {one["name"]: one["value"] for one in page.all("form")[0].all("input")}
    for changed, status in (
        ({"label": "lunch"}, 422),
        ({"label": "refund", "ids": "nothing"}, 422),
        ({"label": "refund", "ids": ""}, 422),
        ({}, 422),
        ({"label": "refund", "csrf_token": "x"}, 403),
    ):
        assert client.post("/models/chat/inbox", data={**fields, **changed}).status_code == status
    assert named in fields["ids"]
    assert known(client) == {}


@pytest.mark.parametrize("way", ["get", "post"])
def test_a_model_that_refuses_nothing_has_no_inbox(client: Any, way: str) -> None:
    assert getattr(client, way)("/models/credit/inbox").status_code == 404
    assert "/inbox" not in client.get("/models/credit").text
    assert "/models/chat/inbox" in client.get("/models/chat").text


def test_texts_that_are_not_stored_cannot_be_labelled(start_service: Any, store: Store) -> None:
    """And the page says why."""
    live = quick_live(load_domains()["chat"])
    live.scorer.table = live.table.with_columns({"text": {"stored": "left_out"}})
    store.add(live.domain, live.scorer, name="quiet", promote=True)
    client = start_service(store.home.path).client
    client.post("/v1/quiet/score", json={"text": ONCE})
    page = parsed(client.get("/models/quiet/inbox"))
    assert page.one(class_="warning").text == "Nothing can be labelled here: text is stored left out."
    assert page.all("article") == []


def test_a_file_to_fill_in(client: Any, store: Store, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """`outcomes inbox --out` writes it, `outcomes load` reads it."""
    ids = [ask(client, text) for text in (TWICE, ONCE, TWICE)]
    monkeypatch.setenv("BACKSCORE_HOME", str(store.home.path))
    file = tmp_path / "label.csv"
    found = CliRunner().invoke(app, ["outcomes", "inbox", "chat", "--out", str(file), "--json"])
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert [(item["n"], item["row"]) for item in told["items"]] == [(2, {"text": TWICE}), (1, {"text": ONCE})]
    frame = pd.read_csv(file)
    assert frame.prediction_id.tolist() == [ids[2], ids[0], ids[1]]
    assert frame.text.tolist() == [TWICE, TWICE, ONCE]
    frame.assign(outcome=["transfer", "transfer", "unknown"]).to_csv(file, index=False)
    loaded = CliRunner().invoke(app, ["outcomes", "load", str(file)])
    assert "3 of 3 outcomes are new" in loaded.output
    assert known(client) == {ids[0]: "transfer", ids[2]: "transfer", ids[1]: "unknown"}
    again = CliRunner().invoke(app, ["outcomes", "inbox", "chat"])
    assert "Refused messages: 0 to label." in again.output
    assert CliRunner().invoke(app, ["outcomes", "inbox", "credit"]).exit_code == 2


def test_rows_that_stay_empty_withdraw_nothing(
    client: Any, store: Store, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even what was labelled on the page after the file was written; problems are told by the file's own rows."""
    ids = [ask(client, text) for text in (TWICE, ONCE, TWICE)]
    monkeypatch.setenv("BACKSCORE_HOME", str(store.home.path))
    file = tmp_path / "label.csv"
    CliRunner().invoke(app, ["outcomes", "inbox", "chat", "--out", str(file)])
    nothing = CliRunner().invoke(app, ["outcomes", "load", str(file), "--json"])
    assert nothing.exit_code == 0, nothing.output
    assert json.loads(nothing.stdout) == {
        "n_outcomes": 0,
        "n_new": 0,
        "n_empty": 0,
        "n_left_out": 3,
        "problems": [],
    }
    client.post("/v1/outcomes", json={"outcomes": [{"prediction_id": ids[0], "outcome": "transfer"}]})
    frame = pd.read_csv(file)
    frame["outcome"] = frame["prediction_id"].map({ids[2]: "transfer", ids[1]: "lunch"})
    frame.to_csv(file, index=False)
    row = frame["prediction_id"].tolist().index(ids[1]) + 1
    loaded = CliRunner().invoke(app, ["outcomes", "load", str(file)])
    assert "1 of 2 outcomes are new" in loaded.output
    assert "Rows without an outcome, left out: 1." in loaded.output
    assert f"row {row}: outcome" in loaded.output
    assert known(client) == {ids[0]: "transfer", ids[2]: "transfer"}


def test_conversations_fill_it_too(client: Any) -> None:
    """With messages that were asked about and not resolved; picks and resolved ones are left out."""
    for session, texts in {"a": ["xyzzy plugh", "1"], "b": ["qwrt bla", "no"], "c": [ONCE, "what else"]}.items():
        for text in texts:
            assert client.post("/v1/chat/reply", json={"text": text, "session": session}).status_code == 200
    page = parsed(client.get("/models/chat/inbox"))
    assert {item.one("h3").text for item in page.all("article")} == {"qwrt bla", ONCE, "what else"}
