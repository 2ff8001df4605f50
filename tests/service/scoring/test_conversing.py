"""POST /v1/{name}/reply: recorded, replayed, each message once; and what bad messages get."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from models.domains._discovery import load_domains
from models.records.audit_log.personal import personal_key
from models.records.audit_log.replay import replay, replay_if_stored
from models.records.outcomes.predictions import PREDICTIONS
from models.registry.database import schema as tables
from service.app import create_app
from service.settings import Settings
from tests.conftest import ADDRESS, MOMENT, Store, TestClient, counting_ids, quick_live

IDS = counting_ids()
KNOWN, UNKNOWN, UNKNOWN_TOO = "where's my last order", "purple monkeys dance", "xyzzy plugh"


class Desk:
    """A client of `reply`, with a clock to turn."""

    def __init__(self, client: Any, name: str = "chat") -> None:
        self.client, self.name, self.now = client, name, MOMENT

    def post(self, text: Any, session: Any = "s", **more: Any) -> Any:
        return self.client.post(f"/v1/{self.name}/reply", json={"text": text, "session": session, **more})

    def say(self, text: str, session: str = "s", **more: Any) -> Any:
        answered = self.post(text, session, **more)
        assert answered.status_code == 200, answered.text
        return answered.json()

    @property
    def records(self) -> list[Any]:
        found: list[Any] = self.client.app.state.predictions.newest(self.name, 1_000)
        return found

    def stored(self, table: sa.Table) -> list[Any]:
        with self.client.app.state.predictions.engine.connect() as connection:
            return list(connection.execute(sa.select(table)))


def opened(store: Store, name: str = "chat") -> Iterator[Desk]:
    desk = Desk(None, name)

    def now() -> datetime:
        return desk.now

    app = create_app(Settings(home=store.home.path, poll_seconds=3600), now=now, new_id=IDS, log_to=io.StringIO())
    with TestClient(app, base_url=ADDRESS, raise_server_exceptions=False) as client:
        desk.client = client
        yield desk


@pytest.fixture
def desk(store: Store) -> Iterator[Desk]:
    yield from opened(store)


def test_a_conversation_is_recorded_and_replayed_to_the_bit(desk: Desk, store: Store) -> None:
    """From the record alone, long after the session is forgotten."""
    asked = desk.say(UNKNOWN)
    picked = desk.say("1")
    desk.say(UNKNOWN_TOO)
    over = desk.say("neither")
    assert [asked["decision"], picked["decision"], over["decision"]] == ["ask", "answer", "handover"]
    assert len(over["transcript"]) == 8
    with desk.client.app.state.predictions.engine.begin() as connection:
        connection.execute(tables.conversation_messages.delete())
    assert len(desk.records) == 4
    for record in desk.records:
        again = replay(record, store.registry, store.home.bundles, personal_key=b"")
        assert again.identical, again.differences


def test_a_pick_is_the_outcome_of_the_message_that_was_asked_about(desk: Desk) -> None:
    asked, picked = desk.say(UNKNOWN), desk.say("2")
    assert picked["accepted"] == {"prediction_id": asked["prediction_id"], "intent": asked["offered"][1]["intent"]}
    with desk.client.app.state.predictions.engine.connect() as connection:
        found = PREDICTIONS.values(connection, "chat")
    assert found == {asked["prediction_id"]: asked["offered"][1]["intent"]}


def test_a_message_that_is_sent_again_changes_nothing(desk: Desk) -> None:
    """It gets the same answer, with the same ID; another text under its ID is a conflict."""
    first = desk.say(UNKNOWN, message_id="m1")
    assert desk.say(UNKNOWN, message_id="m1") == first
    assert desk.post(KNOWN, message_id="m1").status_code == 409
    assert len(desk.records) == 1
    assert desk.say(UNKNOWN_TOO, message_id="m2")["decision"] == "handover"


def test_the_conflict_is_documented(client: Any) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert "409" in paths["/v1/chat/reply"]["post"]["responses"]
    assert "409" not in paths["/v1/chat/score"]["post"]["responses"]


def test_messages_at_once_are_one_conversation(desk: Desk) -> None:
    """Of eight unknown messages of a session one is asked about; the others are with a person, each once."""
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda place: desk.say(f"{UNKNOWN} {place}"), range(8)))
    assert sorted(one["decision"] for one in said) == ["ask", *["handover"] * 7]
    assert sorted(len(one["transcript"] or "12") for one in said) == [2, 4, 6, 8, 10, 12, 14, 16]


def test_a_silent_session_begins_anew(desk: Desk) -> None:
    """After the policy's time, not before."""
    for minutes, expected in ((0, "ask"), (29, "handover"), (58, "handover"), (89, "ask")):
        desk.now = MOMENT + timedelta(minutes=minutes)
        assert desk.say(UNKNOWN)["decision"] == expected


@pytest.mark.parametrize(
    ("body", "path", "rule"),
    [
        ({"text": "x" * 10_001, "session": "s"}, "/text", "must be a text of at most 10,000 characters"),
        ({"text": 5, "session": "s"}, "/text", "must be a text of at most 10,000 characters"),
        ({"text": "hi"}, "/session", "is missing"),
        ({"session": "s"}, "/text", "is missing; it must be text"),
        ({"text": "hi", "session": ""}, "/session", "at least 1 character"),
        ({"text": "hi", "session": "a\0b"}, "/session", "should match pattern"),
        ({"text": "hi", "session": "s" * 201}, "/session", "at most 200 characters"),
        ({"text": "hi", "session": 7}, "/session", "valid string"),
        ({"text": "hi", "session": "s", "before": {"handed_over": True}}, "/before", "unknown"),
    ],
)
def test_bodies_that_are_refused(client: Any, body: Any, path: str, rule: str) -> None:
    """By the field; nobody can write into the memory of a session."""
    answered = client.post("/v1/chat/reply", json=body)
    assert answered.status_code == 422
    (error,) = answered.json()["errors"]
    assert error["path"] == path
    assert rule in error["message"]


ODD = {
    "empty": ("", "ask"),
    "blank": (" \t\n", "ask"),
    "emoji only": ("👍🏽👨‍👩‍👧 🎉", "ask"),
    "control characters": ("where\x00's \x07my\x1b[31m last\x7f order\u202e", None),
    "mixed scripts": ("где my 订单 παραγγελία order طلب", None),
    "10,000 characters": ("my card is lost " * 625, None),
    "one word of 10,000 letters": ("x" * 10_000, None),
    "10,000 words": ("a " * 5_000, None),
    "lone accents": ("\u0301\u0301\u0301", None),
}


@pytest.mark.parametrize("text", [text for text, _ in ODD.values()], ids=ODD)
def test_odd_messages_are_answered_alike_alone_and_in_a_conversation(client: Any, text: str) -> None:
    """With a text, or at least a decision, in time; control characters and long texts hide nothing."""
    expected = dict(ODD.values())[text]
    scored = client.post("/v1/chat/score?reasons=all", json={"text": text})
    said = client.post("/v1/chat/reply", json={"text": text, "session": f"odd {hash(text)}"})
    assert (scored.status_code, said.status_code) == (200, 200), (scored.text, said.text)
    answer, reply = scored.json(), said.json()
    assert answer["answer"]
    assert reply["answer"]
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert reply["probabilities"] == answer["probabilities"]
    if expected:
        assert (answer["decision"], reply["decision"], answer["intent"]) == (expected, expected, None)
        assert answer["candidates"] == []
    for reason in answer["reasons"]:
        assert text[reason["start"] : reason["end"]] == reason["text"]


def test_a_clear_wish_is_found_among_control_characters_and_repetitions(client: Any) -> None:
    for text in ("my card is lost " * 625, "my\x00 card\x07 is lost"):
        answer = client.post("/v1/chat/score", json={"text": text}).json()
        assert answer["candidates"][0]["intent"] == "block_card"


def test_texts_that_are_not_stored(store: Store) -> None:
    """No text is written; sessions work, repeats too; there is no transcript and no replay, and both say so."""
    live = quick_live(load_domains()["chat"])
    live.scorer.table = live.table.with_columns({"text": {"stored": "hashed"}})
    store.add(live.domain, live.scorer, name="quiet", promote=True)
    for desk in opened(store, "quiet"):
        desk.say(UNKNOWN, message_id="m1")
        desk.say(UNKNOWN, message_id="m1")
        over = desk.say(UNKNOWN_TOO)
        assert (over["decision"], over["transcript"]) == ("handover", None)
        assert over["warnings"] == ["no transcript: text is stored hashed"]
        records = desk.records
        assert len(records) == 2
        written = str(records) + str(desk.stored(tables.conversation_messages))
        for word in (*UNKNOWN.split(), *UNKNOWN_TOO.split()):
            assert word not in written
        key = personal_key(store.home.path)
        for record in records:
            again = replay_if_stored(record, store.registry, store.home.bundles, personal_key=key)
            assert not again.is_possible
            assert "'text' (hashed)" in again.notes[0]


def test_a_service_that_starts_later_knows_the_session(store: Store) -> None:
    """Nothing is kept in the process."""
    for desk in opened(store):
        desk.say(UNKNOWN)
    for desk in opened(store):
        assert desk.say("neither")["decision"] == "handover"
