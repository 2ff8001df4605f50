"""Conversations: what is picked, what is asked, when a person takes over, and that something is always said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import TableError
from data.table import Table
from models.contract import BEFORE, LiveModel
from models.domains._discovery import load_domains
from models.domains.chat.answer import Candidate
from models.domains.chat.conversation import WITH_A_PERSON, Reply, go_on
from models.domains.chat.memory import MAX_CHARACTERS, ChatMemory
from models.domains.chat.picks import is_neither, picked
from models.domains.chat.policy import HANDED_OVER, SAY_MORE, ChatPolicy
from tests.conftest import quick_live

KNOWN, UNKNOWN, UNKNOWN_TOO = "where's my last order", "purple monkeys dance", "xyzzy plugh"
OFFERED = [
    Candidate(intent="new_card", label="A new card", confidence=0.4),
    Candidate(intent="refund", label="A refund", confidence=0.3),
]


@pytest.fixture(scope="module")
def live() -> LiveModel:
    return quick_live(load_domains()["chat"])


def conversation(live: LiveModel, *texts: str) -> list[Reply]:
    """The replies to messages of one session."""
    memory: Any = None
    replies = []
    for place, text in enumerate(texts):
        body = {"text": text, "session": "s", **({} if memory is None else {BEFORE: memory})}
        reply, memory = go_on(live, body, f"id-{place}")
        replies.append(reply)
    return replies


def decisions(live: LiveModel, *texts: str) -> list[str]:
    return [reply.decision for reply in conversation(live, *texts)]


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("1", "new_card"), ("2.", "refund"), ("the second one please", "refund"), ("2️⃣", "refund"), ("two", "refund"),
        ("A refund", "refund"), ("i mean a REFUND!", "refund"), ("new_card", "new_card"), ("option 1", "new_card"),
        ("yes, a new card", "new_card"), ("3", None), ("12", None), ("card", None), ("refund my new card", None),
        ("yes", None), ("", None), ("👍", None), ("neither", None), ("one of them", None),
    ],
)  # fmt: skip
def test_what_is_picked(text: str, intent: str | None) -> None:
    """A number, a label or an intent, politely or not; nothing that says more than that."""
    found = picked(text, OFFERED)
    assert (found.intent if found else None) == intent


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("neither", True), ("No, thanks.", True), ("none of these", True), ("neither of them!", True),
        ("something else", True), ("no i lost my phone", False), ("yes", False), ("", False), ("thanks", False),
    ],
)  # fmt: skip
def test_what_is_neither(text: str, expected: bool) -> None:
    assert is_neither(text) is expected


def test_an_unknown_message_is_asked_back_once_with_the_two_nearest(live: LiveModel) -> None:
    """By their labels; the table's level for unknown messages is never one of them."""
    (reply,) = conversation(live, UNKNOWN)
    assert (reply.decision, reply.intent, reply.transcript) == ("ask", None, None)
    assert [one.intent for one in reply.offered] == [one.intent for one in reply.candidates[:2]]
    first, second = reply.offered
    assert f"1. {first.label} or 2. {second.label}?" in reply.answer
    assert "unknown" not in {one.intent for one in reply.offered}


def test_a_pick_is_answered_and_told(live: LiveModel) -> None:
    asked, reply = conversation(live, UNKNOWN, "2")
    intent = asked.offered[1].intent
    assert (reply.decision, reply.intent, reply.answer) == ("answer", intent, live.table.answers[intent].text)
    assert reply.accepted is not None
    assert (reply.accepted.prediction_id, reply.accepted.intent) == ("id-0", intent)
    assert (reply.confidence, reply.offered) == (None, [])


@pytest.mark.parametrize("second", ["neither", UNKNOWN_TOO, "3"])
def test_neither_and_a_second_unknown_message_hand_over_with_the_transcript(live: LiveModel, second: str) -> None:
    asked, reply = conversation(live, UNKNOWN, second)
    assert (reply.decision, reply.answer, reply.accepted) == ("handover", HANDED_OVER, None)
    assert reply.transcript is not None
    assert [(turn.by, turn.text) for turn in reply.transcript] == [
        ("person", UNKNOWN),
        ("bot", asked.answer),
        ("person", second),
        ("bot", HANDED_OVER),
    ]


def test_a_person_keeps_the_conversation(live: LiveModel) -> None:
    *_, before, reply = conversation(live, KNOWN, UNKNOWN, "no", KNOWN)
    assert (reply.decision, reply.answer) == ("handover", WITH_A_PERSON)
    assert before.transcript is not None
    assert reply.transcript is not None
    assert reply.transcript[: len(before.transcript)] == before.transcript


def test_an_understood_message_lets_one_ask_again(live: LiveModel) -> None:
    """Only messages in a row count; a number means nothing once its question is answered."""
    assert decisions(live, UNKNOWN, KNOWN, UNKNOWN_TOO, KNOWN) == ["ask", "answer", "ask", "answer"]
    assert decisions(live, UNKNOWN, "1", "1", "1") == ["ask", "answer", "ask", "answer"]


def test_a_message_without_words_repeats_the_question(live: LiveModel) -> None:
    """And forgets nothing."""
    first, asked, again, reply = conversation(live, "👍", UNKNOWN, "…", "1")
    assert (first.decision, first.answer, first.offered) == ("ask", SAY_MORE, [])
    assert (again.answer, again.offered) == (asked.answer, asked.offered)
    assert reply.accepted is not None
    assert reply.accepted.prediction_id == "id-1"


def test_the_wish_for_a_person_is_a_handover(live: LiveModel) -> None:
    (reply,) = conversation(live, "i want to talk to a person please")
    assert (reply.decision, reply.intent) == ("handover", "person_please")
    assert reply.answer == live.table.answers["person_please"].text
    assert reply.transcript is not None


def test_a_policy_may_hand_over_at_once(live: LiveModel) -> None:
    """What it would ask back about is still asked."""
    hasty = replace(live, policy=ChatPolicy(ask_first=False))
    assert decisions(hasty, UNKNOWN) == ["handover"]
    eager = replace(live, policy=ChatPolicy(ask_first=False, ask_cost=0, wrong_cost=1e9, handover_cost=1e9))
    assert decisions(eager, KNOWN) == ["ask"]


def with_table(live: LiveModel, table: Table) -> LiveModel:
    other = quick_live(live.domain)
    other.scorer.table = table
    return other


def test_answers_that_a_table_lacks(live: LiveModel) -> None:
    """Of one intent: a person takes over. Of all: the intent is said, in words."""
    answers = {name: reply for name, reply in live.table.answers.items() if name != "order_status"}
    (reply,) = conversation(with_table(live, replace(live.table, answers=answers)), KNOWN)
    assert (reply.decision, reply.intent, reply.answer) == ("handover", "order_status", HANDED_OVER)
    (reply,) = conversation(with_table(live, replace(live.table, answers={})), KNOWN)
    assert (reply.decision, reply.answer) == ("answer", "Understood: Where an order is.")


@pytest.mark.parametrize("stored", ["hashed", "left_out"])
def test_texts_that_are_not_stored_are_not_remembered(live: LiveModel, stored: str) -> None:
    """The conversation goes on without a transcript, and says so."""
    quiet = with_table(live, live.table.with_columns({"text": {"stored": stored}}))
    memory: Any = None
    for text in (UNKNOWN, "no"):
        reply, memory = go_on(quiet, {"text": text, "session": "s", BEFORE: memory}, "id")
        assert UNKNOWN not in str(memory)
    assert (reply.decision, reply.transcript) == ("handover", None)
    assert reply.warnings == [f"no transcript: text is stored {stored.replace('_', ' ')}"]


def test_a_long_transcript_loses_its_oldest_turns(live: LiveModel) -> None:
    memory = ChatMemory()
    for place in range(40):
        memory = memory.with_turns(f"{place} " + "x" * 998, "y" * 500)
    assert sum(len(turn.text) for turn in memory.transcript) <= MAX_CHARACTERS
    assert memory.transcript[-2].text.startswith("39 ")
    assert memory.n_left_out + len(memory.transcript) == 80
    body = {"text": "hi", "session": "s", BEFORE: {**memory.model_dump(), "handed_over": True}}
    reply, after = go_on(live, body, "id")
    assert reply.transcript is not None
    assert after["n_left_out"] + len(reply.transcript) == 82
    assert reply.warnings == [f"transcript: the first {after['n_left_out']} turns are left out"]


@settings(max_examples=60)
@given(st.lists(st.one_of(st.text(max_size=40), st.sampled_from([KNOWN, UNKNOWN, "1", "no", ""])), max_size=6))
def test_something_is_always_said(live: LiveModel, texts: list[str]) -> None:
    """To whatever is said, in whatever order; and a question is only asked once in a row."""
    replies = conversation(live, *texts)
    assert all(reply.answer.strip() for reply in replies)
    known = set(live.table.target.levels) - {live.table.target.outside}
    assert {one.intent for reply in replies for one in reply.offered} <= known


@pytest.mark.parametrize("name", ["message_id", "before", "session"])
def test_names_of_the_conversation_are_no_columns(name: str) -> None:
    domain = load_domains()["chat"]
    columns = [replace(one, name=name) if one.kind == "text" else one for one in domain.table.columns]
    with pytest.raises(TableError, match=f"column '{name}': conversations have this name for themselves"):
        domain.restrict_inputs(replace(domain.table, columns=tuple(columns)))
