"""The answer to a message, and the words that speak for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, Field

from models.contract import Answer, LiveModel, Row
from models.encoding.words import composed, words_with_places
from models.estimators.text_scorer import TextScorer

MAX_REASONS = 5


class Candidate(BaseModel):
    """One thing that a message may want."""

    intent: str
    label: str = Field(description="The intent in words.")
    confidence: float = Field(ge=0, le=1)


class WordReason(BaseModel):
    """One word that speaks for the most probable intent against the next one."""

    column: str = Field(description="The column of the message.")
    text: str = Field(description="The word as written.")
    start: int = Field(description="Where it begins in the text, in characters; accents are part of their letter.")
    end: int = Field(description="Where it ends.")
    share: float = Field(description="Its contribution to the difference of the two log-probabilities.")


class ChatAnswer(Answer):
    """The answer to one message."""

    intent: str | None = Field(description="What the message wants; null if that is too unsure, or there are no words.")
    confidence: float = Field(
        ge=0, le=1, description="Probability of the most probable level, which may be of no intent."
    )
    unusual: float = Field(ge=0, le=100, description="Per cent of known messages that are less unusual than this one.")
    decision: Literal["answer", "ask", "handover"]
    answer: str | None = Field(description="What to say; null where the table has no answers.")
    candidates: list[Candidate] = Field(description="The most probable intents, up to three.")
    known_words: float | None = Field(None, description="Share of the words that training messages had, if explained.")
    reasons: list[WordReason] = Field(default_factory=list, description="The strongest words, if explained.")
    probabilities: dict[str, float] = Field(description="Of every intent.")


def explain(live: LiveModel, row: Row, x: Any, own: Mapping[str, Any]) -> Mapping[str, Any]:
    """The words that speak most for the first candidate against the second, and the share of known words."""
    scorer = live.scorer
    assert isinstance(scorer, TextScorer)  # noqa: S101 - the domain builds no other
    column = live.table.text.name
    value = row.get(column)
    places = words_with_places(text := composed(value if isinstance(value, str) else ""))
    words = [word for word, _, _ in places]
    shares = scorer.word_shares(words, x)
    strongest = [i for i in np.argsort(-shares).tolist() if shares[i] > 0][:MAX_REASONS]
    known = [scorer.encoder.word_number(word) >= 0 for word in words]
    return {
        "reasons": [
            {"column": column, "text": text[start:end], "start": start, "end": end, "share": shares[i]}
            for i, (_, start, end) in ((i, places[i]) for i in strongest)
        ],
        "known_words": sum(known) / len(known) if known else None,
    }
