"""Policy of a chat: to answer, to ask back or to hand over, by what each costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from data.column import Column
from data.table import Table
from models.arrays import Scores
from models.contract import Columns, Policy, Rows

ANSWER, ASK, HANDOVER = "answer", "ask", "handover"
MAX_CANDIDATES = 3
SAY_MORE = "Please tell me in a few words what you need."
HANDED_OVER = "I cannot answer this. A colleague will take over."


class ChatPolicy(Policy):
    """What each way to go on costs, and from where on a message is too unusual to be answered."""

    wrong_cost: float = Field(5.0, ge=0, description="Cost of a wrong answer.")
    ask_cost: float = Field(1.0, ge=0, description="Cost of asking back.")
    handover_cost: float = Field(2.0, ge=0, description="Cost of a handover to a person.")
    refuse_from: float | None = Field(
        None,
        ge=0,
        le=100,
        description="Percentile of unusualness from which a message is handed over; null for the model's own limit.",
    )
    ask_first: bool = Field(
        True,
        description="In a conversation, ask back once before the first message that is not understood is handed over.",
    )
    forget_minutes: float = Field(
        30.0, gt=0, le=100_000, description="A conversation that is silent for so long begins anew."
    )


@dataclass(frozen=True)
class _Decided:
    decision: str
    intent: str | None
    text: str | None


def decide(policy: ChatPolicy, scores: Scores, rows: Rows, table: Table) -> Columns:
    """Intent, decision, reply and candidates of messages, by expected cost.

    With p and q the probabilities of the two most probable intents, an answer costs (1 - p) wrong, a question back
    ask + (1 - p - q) handover, since it offers both.
    """
    probabilities, unusual = scores["probabilities"], scores["unusual"]
    refused = scores["refused"] if policy.refuse_from is None else unusual >= policy.refuse_from
    target = table.target
    order = probabilities.argsort(axis=1)[:, : -MAX_CANDIDATES - 2 : -1].tolist()  # one of them may be `outside`
    decided, candidates = [], []
    for text, shares, places, is_refused in zip(
        _texts(rows, table), probabilities.tolist(), order, refused.tolist(), strict=True
    ):
        ranked = [(target.levels[i], shares[i]) for i in places if target.levels[i] != target.outside]
        found = _decided(policy, text, ranked, is_refused, table)
        decided.append(found)
        shown = [] if found.text == SAY_MORE else ranked[:MAX_CANDIDATES]
        candidates.append(
            [{"intent": name, "label": label_of(target, name), "confidence": share} for name, share in shown]
        )
    return {
        "intent": [one.intent for one in decided],
        "confidence": probabilities.max(axis=1).tolist(),
        "unusual": unusual.tolist(),
        "decision": [one.decision for one in decided],
        "answer": [one.text for one in decided],
        "candidates": candidates,
        "probabilities": [dict(zip(target.levels, row, strict=True)) for row in probabilities.tolist()],
    }


def _decided(
    policy: ChatPolicy, text: str, ranked: Sequence[tuple[str, float]], is_refused: bool, table: Table
) -> _Decided:
    if not any(character.isalnum() for character in text):
        return _Decided(ASK, None, SAY_MORE)
    (first, p), (second, q) = ranked[0], ranked[1]
    costs = {
        ANSWER: (1 - p) * policy.wrong_cost,
        ASK: policy.ask_cost + (1 - p - q) * policy.handover_cost,
        HANDOVER: policy.handover_cost,
    }
    decision = HANDOVER if is_refused else min(costs, key=costs.__getitem__)
    if decision == HANDOVER:
        return _Decided(HANDOVER, None, HANDED_OVER)
    if decision == ASK:
        names = f"{label_of(table.target, first)!r} or {label_of(table.target, second)!r}"
        return _Decided(ASK, first, f"Do you mean {names}?")
    decision, said = said_to(table, first)
    return _Decided(decision, first, said)


def said_to(table: Table, intent: str) -> tuple[str, str | None]:
    """The decision and what is said once it is clear what a message wants; no text where the table has no answers."""
    if not table.answers:
        return ANSWER, None
    reply = table.answers.get(intent)
    if reply is None:
        return HANDOVER, HANDED_OVER
    return (HANDOVER if reply.handover else ANSWER), reply.text


def label_of(target: Column, intent: str) -> str:
    """The intent in words."""
    return target.meanings.get(intent, intent.replace("_", " "))


def _texts(rows: Rows, table: Table) -> list[str]:
    name = table.text.name
    values = (row.get(name) for row in rows) if isinstance(rows, Sequence) else rows[name]
    return [value if isinstance(value, str) else "" for value in values]
