"""Conversation: how an operation goes on from what was said before in its session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, NotRequired, TypeAlias

from pydantic import Field

from models.contract.answers import Answer

if TYPE_CHECKING:
    from models.contract.domain import LiveModel

SESSION, MESSAGE_ID, BEFORE = "session", "message_id", "before"
"""Fields of the body: the session, the message's own ID, and what was remembered before it, which no request holds."""
MAX_ID_CHARACTERS = 200

_Id = Annotated[str, Field(strict=True, min_length=1, max_length=MAX_ID_CHARACTERS, pattern=r"^[^\x00]*$")]
SESSION_FIELDS: Mapping[str, Any] = {
    SESSION: Annotated[_Id, Field(description="ID of the session; messages of one session are read together.")],
    MESSAGE_ID: NotRequired[
        Annotated[_Id, Field(description="ID of this message within its session: sent again it gets the same answer.")]
    ],
}
"""The fields of the body that every conversation has."""

Memory: TypeAlias = Mapping[str, Any]
"""What is remembered of a session, as JSON."""


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """What an operation needs to go on from earlier messages; the body has `SESSION_FIELDS`.

    The memory stands in the body under `BEFORE` when a message is answered, and is recorded with it: the answer follows
    from the record alone.

    Parameters
    ----------
    go_on : (live, body, prediction ID) -> the answer, and the memory after it.
    silence : policy -> how long a session may be silent before it begins anew.
    learned : answer -> ID of an earlier prediction and its outcome, as far as this message tells it; else None.
    body : (live, text, session) -> the body of a message that somebody typed.
    say, note : answer -> what is said, and what was understood, in a few words.
    is_over : answer -> whether the session ends with it.
    """

    go_on: Callable[[LiveModel, Mapping[str, Any], str], tuple[Answer, Memory]]
    silence: Callable[[Any], timedelta]
    learned: Callable[[Any], tuple[str, Any] | None]
    body: Callable[[LiveModel, str, str], Mapping[str, Any]]
    say: Callable[[Any], str]
    note: Callable[[Any], str]
    is_over: Callable[[Any], bool]

    def respond(self, live: LiveModel, body: Mapping[str, Any], prediction_id: str) -> Answer:
        """The answer alone, see `Operation.respond`."""
        return self.go_on(live, body, prediction_id)[0]
