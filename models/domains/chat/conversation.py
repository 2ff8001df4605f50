"""Replies within a conversation: ask once, offer the two nearest intents, then hand over with the transcript."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, Field

from data.rows import closed_typed_dict, row_type
from data.sentences import percent
from data.table import Table
from models.answers.respond import respond
from models.contract import BEFORE, SESSION, Answer, Conversation, LiveModel, Memory, Operation
from models.contract.conversation import SESSION_FIELDS
from models.domains.chat.answer import Candidate, ChatAnswer, WordReason
from models.domains.chat.memory import ChatMemory, Turn
from models.domains.chat.picks import is_neither, picked
from models.domains.chat.policy import ANSWER, ASK, HANDED_OVER, HANDOVER, SAY_MORE, ChatPolicy, label_of, said_to

N_OFFERED = 2
WITH_A_PERSON = "A colleague has taken over and sees this conversation."


class Accepted(BaseModel):
    """What a person picked of what was offered."""

    prediction_id: str = Field(description="Of the message that led to the question; its outcome is now this intent.")
    intent: str


class Reply(Answer):
    """The reply to one message of a conversation."""

    session: str
    decision: Literal["answer", "ask", "handover"]
    answer: str = Field(description="What to say; never empty.")
    intent: str | None = Field(description="What the message wants; null if that is too unsure, or there are no words.")
    offered: list[Candidate] = Field(description="What the question offers: a number, a label or 'neither' answers it.")
    accepted: Accepted | None = Field(None, description="The offer that the message picked.")
    transcript: list[Turn] | None = Field(
        None,
        description="All that was said, for the person who takes over; null otherwise, and if texts are not stored.",
    )
    candidates: list[Candidate] = Field(default_factory=list, description="As in `score`.")
    confidence: float | None = Field(None, description="As in `score`; null if the message picked or was not read.")
    unusual: float | None = Field(None, description="As in `score`, likewise.")
    known_words: float | None = Field(None, description="As in `score`.")
    reasons: list[WordReason] = Field(default_factory=list, description="As in `score`.")
    probabilities: dict[str, float] | None = Field(None, description="As in `score`; null as `confidence`.")


@dataclass(frozen=True)
class _Next:
    """What is said next, and the memory after it but for the transcript."""

    decision: str
    text: str
    intent: str | None
    memory: ChatMemory
    accepted: Accepted | None = None
    scored: ChatAnswer | None = None


def go_on(live: LiveModel, body: Mapping[str, Any], prediction_id: str) -> tuple[Reply, Memory]:
    """The reply to a message, and what is remembered after it."""
    table = live.table
    memory = ChatMemory.model_validate(body.get(BEFORE) or {})
    text = body.get(table.text.name) or ""
    next_ = _next(live, body, text, memory, prediction_id)
    after, stored = next_.memory, table.text.stored
    warnings = list(next_.scored.warnings) if next_.scored else []
    if stored == "plain":
        after = after.with_turns(text, next_.text)
    elif next_.decision == HANDOVER:
        warnings.append(f"no transcript: {table.text.name} is stored {stored.replace('_', ' ')}")
    if next_.decision == HANDOVER and after.n_left_out:
        warnings.append(f"transcript: the first {after.n_left_out:,} turns are left out")
    own = {} if next_.scored is None else next_.scored.model_dump(include=_AS_SCORED)
    reply = Reply(
        prediction_id=prediction_id,
        model=live.name,
        version=live.version,
        policy_version=live.policy_version,
        warnings=warnings,
        session=body[SESSION],
        decision=next_.decision,
        answer=next_.text,
        intent=next_.intent,
        offered=list(after.offered),
        accepted=next_.accepted,
        transcript=list(after.transcript) if next_.decision == HANDOVER and stored == "plain" else None,
        **own,
    )
    return reply, after.model_dump(mode="json", exclude_defaults=True)


_AS_SCORED = {"candidates", "confidence", "unusual", "known_words", "reasons", "probabilities"}


def _next(live: LiveModel, body: Mapping[str, Any], text: str, memory: ChatMemory, prediction_id: str) -> _Next:
    if memory.handed_over:
        return _handover(memory, WITH_A_PERSON)
    if memory.offered:
        if (pick := picked(text, memory.offered)) is not None:
            accepted = Accepted(prediction_id=memory.question, intent=pick.intent)
            return _understood(live, memory, pick.intent, accepted=accepted)
        if is_neither(text):
            return _handover(memory, HANDED_OVER)
    row = {column.name: body[column.name] for column in live.table.inputs if column.name in body}
    (scored,) = respond(live, [row], [prediction_id])
    assert isinstance(scored, ChatAnswer)  # noqa: S101 - the domain's own answer
    if scored.answer == SAY_MORE and scored.decision == ASK:
        again = _question(memory.offered) if memory.offered else SAY_MORE
        return _Next(ASK, again, None, memory, scored=scored)
    is_clear = scored.intent is not None and scored.decision != ASK
    if is_clear:
        return _understood(live, memory, str(scored.intent), scored=scored)
    return _not_understood(live, memory, scored)


def _understood(
    live: LiveModel,
    memory: ChatMemory,
    intent: str,
    *,
    accepted: Accepted | None = None,
    scored: ChatAnswer | None = None,
) -> _Next:
    decision, said = said_to(live.table, intent)
    text = f"Understood: {label_of(live.table.target, intent)}." if said is None else said
    if decision == HANDOVER:
        return _handover(memory, text, intent=intent, accepted=accepted, scored=scored)
    return _Next(ANSWER, text, intent, _since(memory), accepted, scored)


def _not_understood(live: LiveModel, memory: ChatMemory, scored: ChatAnswer) -> _Next:
    """Ask back the first time, hand over the second."""
    policy = live.policy
    assert isinstance(policy, ChatPolicy)  # noqa: S101 - a domain's models come with the domain's policy
    if memory.n_unknown or (scored.decision == HANDOVER and not policy.ask_first):
        return _handover(memory, HANDED_OVER, scored=scored)
    offered = tuple(scored.candidates[:N_OFFERED])
    asked = _since(memory, offered=offered, question=scored.prediction_id, n_unknown=1)
    return _Next(ASK, _question(offered), scored.intent, asked, scored=scored)


def _handover(
    memory: ChatMemory,
    text: str,
    *,
    intent: str | None = None,
    accepted: Accepted | None = None,
    scored: ChatAnswer | None = None,
) -> _Next:
    return _Next(HANDOVER, text, intent, _since(memory, handed_over=True), accepted, scored)


def _since(memory: ChatMemory, **changes: Any) -> ChatMemory:
    """The memory with its transcript, and nothing else but the changes."""
    return ChatMemory(transcript=memory.transcript, n_left_out=memory.n_left_out, **changes)


def _question(offered: tuple[Candidate, ...]) -> str:
    listed = " or ".join(f"{number}. {offer.label}" for number, offer in enumerate(offered, start=1))
    return f"Do you mean {listed}? If neither, please say so, or tell me in other words."


def _learned(reply: Reply) -> tuple[str, str] | None:
    return None if reply.accepted is None else (reply.accepted.prediction_id, reply.accepted.intent)


def _note(reply: Reply) -> str:
    likely = reply.candidates[0].label if reply.candidates else "nothing"
    if reply.accepted is not None:
        likely = f"{reply.accepted.intent}, as picked"
    elif reply.confidence is not None and reply.unusual is not None:
        likely += f", {percent(reply.confidence)}, more unusual than {reply.unusual:.0f} % of known messages"
    return f"{reply.decision}: {likely}"


def _body(table: Table) -> Any:
    """Type of the request: a message, and where it belongs."""
    fields = {**row_type(table).__annotations__, **SESSION_FIELDS}
    return closed_typed_dict("ReplyRequest", fields, "A message of a conversation.")


CONVERSATION = Conversation(
    go_on=go_on,
    silence=lambda policy: timedelta(minutes=policy.forget_minutes),
    learned=_learned,
    body=lambda live, text, session: {live.table.text.name: text, SESSION: session},
    say=lambda reply: reply.answer,
    note=_note,
    is_over=lambda reply: reply.decision == HANDOVER,
)
REPLY = Operation(
    name="reply",
    summary="Reply to a message of a conversation: answer, offer the two nearest intents, or hand over.",
    body=_body,
    example=lambda table: {**table.example(), SESSION: "session-1"},
    answer=Reply,
    respond=CONVERSATION.respond,
    row_parts=((),),
    in_thread=True,
    probability=lambda reply: None if reply["probabilities"] is None else list(reply["probabilities"].values()),
    log_fields=lambda reply: {"decision": reply.decision},
    conversation=CONVERSATION,
)
