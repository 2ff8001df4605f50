"""View of an answer to a message: the reply, the candidates, and the words that speak for the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from data.sentences import percent
from models.answers.default_view import answer_in
from models.contract import LiveModel
from models.contract.views import Amount, Part, TextMark, Tone, View, bars

TONES: Mapping[str, Tone] = {"answer": "good", "ask": "middle", "handover": "bad"}


def chat_view(live: LiveModel, given: Mapping[str, Any]) -> View:
    """What is said, what the message may want, and the words behind it."""
    answer = answer_in(given)
    tone = TONES[answer["decision"]]
    candidates: list[Amount] = [
        (one["label"], "", float(one["confidence"]), percent(one["confidence"]), tone if not i else "plain")
        for i, one in enumerate(answer["candidates"])
    ]
    words: list[Amount] = [
        (one["text"], "", float(one["share"]), f"{one['share']:+.2f}", "accent") for one in answer["reasons"]
    ]
    return View(
        title=answer["answer"] or answer["intent"] or "No intent",
        decision=answer["decision"],
        tone=tone,
        parts=[
            Part(
                title="What it may want",
                text=f"More unusual than {answer['unusual']:.0f} % of known messages.",
                bars=bars(candidates),
            ),
            Part(title="Words that speak for the first", marks=_marks(answer["reasons"]), bars=bars(words)),
        ],
    )


def _marks(reasons: Sequence[Mapping[str, Any]]) -> list[TextMark]:
    """The words in their places, the one with the largest share at full strength."""
    most = max((one["share"] for one in reasons), default=1.0)
    return [TextMark(one["column"], one["start"], one["end"], one["share"] / most) for one in reasons]
