"""What is remembered of a conversation between two messages."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from models.domains.chat.answer import Candidate

MAX_CHARACTERS = 20_000
"""Length of a transcript, in characters; the oldest turns go first."""


class Turn(BaseModel):
    """One thing that was said."""

    by: Literal["person", "bot"]
    text: str


class ChatMemory(BaseModel):
    """What is remembered of a conversation.

    Parameters
    ----------
    transcript : what was said; empty where texts are not stored in full.
    n_left_out : older turns that are no longer in it.
    offered : what the last question offered, by number.
    question : prediction ID of the message that led to that question.
    n_unknown : messages in a row that were not understood.
    handed_over : whether a person has taken over.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    transcript: tuple[Turn, ...] = ()
    n_left_out: int = Field(0, ge=0)
    offered: tuple[Candidate, ...] = ()
    question: str = ""
    n_unknown: int = Field(0, ge=0)
    handed_over: bool = False

    def with_turns(self, text: str, answer: str) -> ChatMemory:
        """A copy with a message and what was said to it in the transcript, which is cut to its length."""
        turns = [*self.transcript, Turn(by="person", text=text), Turn(by="bot", text=answer)]
        n_before = len(turns)
        length = sum(len(turn.text) for turn in turns)
        while length > MAX_CHARACTERS and len(turns) > 2:
            length -= len(turns.pop(0).text)
        n_left_out = self.n_left_out + n_before - len(turns)
        return self.model_copy(update={"transcript": tuple(turns), "n_left_out": n_left_out})
