"""Conversing: answers the messages of conversations, from the checked body to the recorded answer."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa
from pydantic_core import to_json

from models.clock import Clock
from models.contract import BEFORE, MESSAGE_ID, SESSION, Memory
from models.records.conversations import Message, Said, go_on
from models.records.outcomes.ledger import Outcome
from service.live.prediction_records import request_record
from service.live.served_model import ServedModel
from service.live.served_operation import Operated
from service.metrics.metrics import Metrics
from service.requests.call import Call


class Conversing:
    """Answers messages, each in one transaction with what is remembered and recorded of it; blocks on the database.

    Parameters
    ----------
    now : the clock by which sessions are forgotten.
    """

    def __init__(self, engine: sa.Engine, metrics: Metrics, *, now: Clock) -> None:
        self._engine, self._metrics, self._now = engine, metrics, now

    def answer(self, served: ServedModel, name: str, body: bytes, prediction_id: str, call: Call) -> Operated:
        """Answer a message, JSON to JSON.

        Raises
        ------
        InvalidJsonError, InvalidRequestError
            The body is not valid for the operation.
        ConflictingEventError
            Another message of the session has its ID.
        DatabaseError
            The database failed; nothing was stored.
        """
        operation, live, personal = served.operation(name), served.live, served.personal
        conversation = operation.operation.conversation
        assert conversation is not None  # noqa: S101 - other operations are not asked for here
        checked, ignored = served.read_body(name, body)
        session = checked[SESSION]
        message = Message(
            model=live.name,
            session=personal.hashed(session) if SESSION in personal.columns else session,
            message_id=checked.get(MESSAGE_ID),
            contents=personal.hashed(to_json(checked).decode()),
        )
        done = Operated(checked, b"", {}, ignored)

        def respond(memory: Memory | None) -> Said:
            nonlocal done
            whole = checked if memory is None else {**checked, BEFORE: memory}
            answer, after = conversation.go_on(live, whole, prediction_id)
            done = replace(operation.operated(whole, answer), ignored=ignored)
            text = done.answer.decode()
            audit, told = served.audit, conversation.learned(answer)
            return Said(
                answer=text,
                stored=personal.answer_text(text, whole),
                memory=after,
                records=[request_record(served, prediction_id, name, whole, text, call=call)]
                if audit.records(prediction_id)
                else [],
                outcomes=[Outcome(*told, source=call.key_id)] if told and audit.records(told[0]) else [],
            )

        now, silence = self._now(), conversation.silence(live.policy)
        answer = go_on(self._engine, message, respond, now=now, silence=silence).encode()
        if done.answer and served.audit.records(prediction_id):
            self._metrics.audit_written(1)
        return replace(done, answer=answer)
