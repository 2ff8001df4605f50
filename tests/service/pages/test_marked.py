"""Words of a message, tinted by their share."""

from __future__ import annotations

from typing import Any

import pytest

from models.contract.views import TextMark
from service.pages.words import N_TINTS, marked
from tests.service.pages.parsed import parsed


@pytest.mark.parametrize(
    ("text", "marks", "expected"),
    [
        ("lost card", [(5, 9, 1.0), (0, 4, 0.5)], [("lost", 3), (" ", 0), ("card", 5)]),
        ("lost card", [], [("lost card", 0)]),
        ("cafe\u0301 now", [(0, 4, 0.01)], [("caf\u00e9", 1), (" now", 0)]),
    ],
)
def test_pieces_are_the_text(text: str, marks: Any, expected: list[tuple[str, int]]) -> None:
    """In order, whatever the order of the marks; places are those of the composed text."""
    found = [piece for piece in marked(text, [TextMark("text", *one) for one in marks]) if piece[0]]
    assert found == expected


def test_the_message_is_shown_with_its_strongest_words(client: Any) -> None:
    """The tints follow the shares that the API tells, and the message is text, not markup."""
    text = "i lost my <b>card</b> in spain"
    fields = parsed(client.get("/models/chat")).form("/models/chat")
    page = parsed(client.post("/models/chat", data={**fields, "/text": text}))
    shown = page.one("p", class_="marked")
    assert shown.text.replace(" ", "") == text.replace(" ", "")
    told = client.post("/v1/chat/score?reasons=all", json={"text": text}).json()["reasons"]
    marks = {one.text: int(one["class"].removeprefix("tint-")) for one in shown.all("mark")}
    assert set(marks) == {one["text"] for one in told}
    assert marks[told[0]["text"]] == N_TINTS
    assert sorted(marks.values(), reverse=True) == [marks[one["text"]] for one in told]
