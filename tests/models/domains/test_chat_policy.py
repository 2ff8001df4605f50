"""Decisions of a chat by expected cost, against the costs written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from data.column import Column
from data.errors import TableError
from data.files.table_toml import table_as_dict, table_from_dict
from data.replies import Reply
from data.simulators import chat
from data.table import Table
from models.domains.chat.policy import HANDED_OVER, SAY_MORE, ChatPolicy, decide

TABLE = Table(
    name="messages",
    columns=(
        Column(name="text", kind="text"),
        Column(
            name="intent", kind="category", role="target", levels=("hours", "none", "person", "refund"), outside="none",
            meanings={"hours": "Opening hours"},
        ),
    ),
    answers={"hours": Reply(text="From nine to five."), "person": Reply(text="One moment.", handover=True)},
)  # fmt: skip


def decided(
    shares: tuple[float, ...], text: str = "when do you open", *, refused: bool = False, unusual: float = 50.0,
    table: Table = TABLE, **policy: Any,
) -> dict[str, Any]:  # fmt: skip
    scores = {
        "probabilities": np.array([shares]), "unusual": np.array([unusual]), "refused": np.array([float(refused)]),
    }  # fmt: skip
    return {name: values[0] for name, values in decide(ChatPolicy(**policy), scores, [{"text": text}], table).items()}


def test_the_cheapest_way_is_taken() -> None:
    """Over a grid of probabilities: answer, ask or hand over, whichever costs least."""
    rng = np.random.default_rng(0)
    for p, q, *_ in rng.dirichlet([1, 1, 1], 200):
        first, second = max(p, q), min(p, q)
        rest = 1 - first - second
        if rest > second:
            continue
        found = decided((first, rest, 0.0, second))
        costs = {"answer": 5 * (1 - first), "ask": 1 + 2 * rest, "handover": 2.0}
        assert found["decision"] == min(costs, key=costs.__getitem__), (first, second)


def test_what_is_said() -> None:
    """An answer, two choices in words, or that a person takes over; never silence, and never "none of these"."""
    sure = decided((0.95, 0.01, 0.02, 0.02))
    assert (sure["decision"], sure["intent"], sure["answer"]) == ("answer", "hours", "From nine to five.")
    torn = decided((0.5, 0.04, 0.01, 0.45))
    assert (torn["decision"], torn["answer"]) == ("ask", "Do you mean 'Opening hours' or 'refund'?")
    lost = decided((0.1, 0.8, 0.06, 0.04))
    assert (lost["decision"], lost["intent"], lost["answer"]) == ("handover", None, HANDED_OVER)
    assert [one["intent"] for one in lost["candidates"]] == ["hours", "person", "refund"]
    wished = decided((0.01, 0.0, 0.98, 0.01))
    assert (wished["decision"], wished["intent"], wished["answer"]) == ("handover", "person", "One moment.")


@pytest.mark.parametrize("text", ["", "   ", "👍👍", "?!", "\x00"])
def test_a_message_without_words_is_asked_for_some(text: str) -> None:
    found = decided((0.9, 0.0, 0.05, 0.05), text)
    assert (found["decision"], found["intent"], found["answer"], found["candidates"]) == ("ask", None, SAY_MORE, [])


def test_an_unusual_message_is_handed_over_however_sure() -> None:
    """By the model's own limit, or by that of the policy."""
    sure = (0.99, 0.0, 0.005, 0.005)
    assert decided(sure, refused=True)["decision"] == "handover"
    assert decided(sure, refused=True, refuse_from=90)["decision"] == "answer"
    assert decided(sure, unusual=95, refuse_from=90)["decision"] == "handover"


def test_an_intent_without_an_answer_is_handed_over() -> None:
    """If the table has answers at all; without any, the caller wants the intent only."""
    found = decided((0.0, 0.0, 0.01, 0.99))
    assert (found["decision"], found["intent"], found["answer"]) == ("handover", "refund", HANDED_OVER)
    plain = Table(name="messages", columns=TABLE.columns)
    found = decided((0.0, 0.0, 0.01, 0.99), table=plain)
    assert (found["decision"], found["intent"], found["answer"]) == ("answer", "refund", None)


def test_answers_survive_the_table_file() -> None:
    for table in (TABLE, chat.TABLE):
        assert table_from_dict(table_as_dict(table)) == table


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"lunch": {"text": "At noon."}}, "[answers.lunch] is for a level that the target does not have"),
        ({"hours": {"text": ""}}, "answers.hours: 'text' must be 1 to 2,000 characters; got ''"),
        ({"hours": {"words": "x"}}, "answers.hours: unknown field 'words'; an answer has text and handover"),
        ({"hours": "At noon."}, "answers.hours: must be a table with a text; got 'At noon.'"),
        ({"hours": {"text": "x", "handover": "yes"}}, "answers.hours: 'handover' must be true or false; got 'yes'"),
        ("At noon.", "answers: must be tables such as [answers.LEVEL]"),
    ],
)
def test_wrong_answers_are_refused_by_name(answers: Any, message: str) -> None:
    with pytest.raises(TableError) as caught:
        table_from_dict({**table_as_dict(TABLE), "answers": answers})
    assert message in str(caught.value)


@pytest.mark.parametrize("outside", ["nobody", "text"])
def test_what_is_outside_is_a_level_of_the_target(outside: str) -> None:
    with pytest.raises(TableError, match=r"'outside' is .*; it must be a listed level of the target"):
        Column(name="intent", kind="category", role="target", levels=("a", "b", "c"), outside=outside)
