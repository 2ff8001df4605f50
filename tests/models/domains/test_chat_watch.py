"""What is watched of a chat, counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

from models.contract import Answered, LiveModel
from models.domains._discovery import load_domains
from models.domains.chat.watch import choices, figures, holds
from tests.conftest import quick_live


@pytest.fixture(scope="module")
def live() -> LiveModel:
    return quick_live(load_domains()["chat"])


def answered(decision: str, intent: str | None, *, text: str = "", outcome: Any = None, **more: Any) -> Answered:
    probabilities = {"refund": 0.7, "loan": 0.2, "unknown": 0.1}
    answer = {"decision": decision, "intent": intent, "confidence": 0.7, "probabilities": probabilities, **more}
    return Answered({"text": text}, answer, outcome)


PICK = {"confidence": None, "probabilities": None, "accepted": {"prediction_id": "a", "intent": "loan"}}


def test_shares_are_those_of_what_they_say(live: LiveModel) -> None:
    """Picks are no messages; a handover with an intent is no refusal; nothing is divided by nothing."""
    rows = [
        answered("answer", "refund", outcome="refund"),
        answered("answer", "refund", outcome="loan"),
        answered("ask", "refund", offered=["a", "b"], outcome="loan"),
        answered("ask", None, offered=["a", "b"]),
        answered("ask", None, offered=["a", "b"]),
        answered("answer", "loan", **PICK),
        answered("handover", "refund"),
        answered("handover", None, outcome="unknown"),
        answered("handover", None, outcome="refund"),
        answered("handover", None),
    ]
    found = {one.name: (one.n, one.of) for one in figures(live, rows)}
    assert found == {
        "refused": (3, 9),
        "asked_back": (3, 9),
        "accepted": (1, 3),
        "corrected": (3, 5),
        "new_words": (0, 0),
    }
    assert [one.value for one in figures(live, [])] == [None] * 5


def test_new_words_are_those_of_several_messages(live: LiveModel) -> None:
    """Once a message however often it has them; not those of training, numbers or marks."""
    texts = ["florbnix florbnix card", "Florbnix 123456!", "my FLORBNIX", "zwickel", "zwickel", "card", "card", "card"]
    found = figures(live, [answered("answer", "refund", text=text) for text in texts])[-1]
    assert (found.items, found.n, found.of) == (("florbnix (3)",), 1, 2)


def test_texts_that_are_not_stored_have_no_new_words(live: LiveModel) -> None:
    quiet = quick_live(live.domain)
    quiet.scorer.table = live.table.with_columns({"text": {"stored": "hashed"}})
    found = figures(quiet, [answered("answer", "refund", text="f" * 32)] * 5)[-1]
    assert (found.items, found.of) == ((), 0)
    assert "text is stored hashed" in found.title


@pytest.mark.parametrize(
    ("decision", "intent", "candidates", "expected"),
    [
        ("handover", None, ["x"], True), ("ask", "refund", ["x"], True), ("ask", None, ["x"], True),
        ("ask", None, [], False), ("handover", "refund", ["x"], False), ("answer", "refund", ["x"], False),
    ],
)  # fmt: skip
def test_what_the_inbox_holds(decision: str, intent: str | None, candidates: list[str], expected: bool) -> None:
    assert holds({"decision": decision, "intent": intent, "candidates": candidates}) is expected


def test_choices_are_all_levels_the_candidates_first(live: LiveModel) -> None:
    """A candidate of an earlier version that the table no longer has is left out."""
    found, n_near = choices(live.table, {"candidates": [{"intent": "loan"}, {"intent": "gone"}, {"intent": "pin"}]})
    assert [one.level for one in found[:n_near]] == ["loan", "pin", "unknown"]
    assert sorted(one.level for one in found) == sorted(live.table.target.levels)
    assert found[0].words == "Loans"
