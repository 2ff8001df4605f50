"""Conversations: messages of sessions, answered one after the other from what is remembered.

Guarantees
----------
* A message is answered, remembered and recorded in one transaction, which excludes other messages of its session.
* A message with an ID of its own that is sent again gets the stored answer, and counts once; with other contents it is
  refused.
* A session that was silent for too long begins anew. What is left of it is deleted by `forget`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic_core import from_json, to_json

from models.contract import MESSAGE_ID, Memory
from models.errors import ConflictingEventError
from models.records.audit_log.log import add_records
from models.records.audit_log.record import PredictionRecord, milliseconds
from models.records.outcomes.ledger import Outcome
from models.records.outcomes.predictions import PREDICTIONS
from models.registry.database.engine import lock_key, recording, writing
from models.registry.database.schema import conversation_messages as _messages


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message of a session.

    Parameters
    ----------
    session : as stored, so hashed where it is personal.
    message_id : None if the caller gave none.
    contents : a hash of all that was sent.
    """

    model: str
    session: str
    message_id: str | None
    contents: str


@dataclass(frozen=True, kw_only=True)
class Said:
    """What is said to a message, and what is stored with it.

    Parameters
    ----------
    answer : as sent, JSON. stored : the same without personal values.
    memory : after it.
    outcomes : of earlier predictions, as far as the message tells them.
    """

    answer: str
    stored: str
    memory: Memory
    records: Sequence[PredictionRecord] = ()
    outcomes: Sequence[Outcome] = ()


def go_on(
    engine: sa.Engine,
    message: Message,
    respond: Callable[[Memory | None], Said],
    *,
    now: datetime,
    silence: timedelta,
) -> str:
    """The answer to a message, as JSON, once it is stored.

    Parameters
    ----------
    respond : memory of the session, None if it begins -> what is said.
    silence : after which a session begins anew.

    Raises
    ------
    ConflictingEventError
        Another message of the session has its ID.
    DatabaseError
        The database failed; nothing was stored.
    """
    with recording(engine, {lock_key(message.model, "session", message.session)}) as connection:
        if (again := _again(connection, message)) is not None:
            return again
        number, memory = _last(connection, message, now)
        said = respond(memory)
        connection.execute(
            _messages.insert(),
            {
                "model": message.model,
                "session": message.session,
                "number": number + 1,
                "message_id": message.message_id,
                "contents": message.contents,
                "answer": said.stored,
                "memory": to_json(said.memory).decode(),
                "until": milliseconds(now + silence),
            },
        )
        add_records(connection, said.records)
        PREDICTIONS.add(connection, message.model, said.outcomes, now=now)
    return said.answer


def forget(engine: sa.Engine, *, now: datetime) -> int:
    """Delete the messages of sessions that would begin anew, and older ones; returns their number."""
    with writing(engine) as connection:
        return connection.execute(_messages.delete().where(_messages.c.until < milliseconds(now))).rowcount


def _of_session(message: Message) -> sa.ColumnElement[bool]:
    return sa.and_(_messages.c.model == message.model, _messages.c.session == message.session)


def _again(connection: sa.Connection, message: Message) -> str | None:
    """The stored answer to a message that is sent again."""
    if message.message_id is None:
        return None
    of_message = sa.and_(_of_session(message), _messages.c.message_id == message.message_id)
    found = connection.execute(sa.select(_messages.c.contents, _messages.c.answer).where(of_message)).one_or_none()
    if found is None:
        return None
    if found.contents != message.contents:
        raise ConflictingEventError(
            MESSAGE_ID, message.message_id, "is the ID of another message of this session; give each its own"
        )
    return str(found.answer)


def _last(connection: sa.Connection, message: Message, now: datetime) -> tuple[int, Mapping[str, Any] | None]:
    """The number of the session's last message, 0 if there is none, and what is remembered after it."""
    newest_first = sa.select(_messages.c.number, _messages.c.memory, _messages.c.until).where(_of_session(message))
    last = connection.execute(newest_first.order_by(_messages.c.number.desc()).limit(1)).one_or_none()
    if last is None:
        return 0, None
    return last.number, from_json(last.memory) if milliseconds(now) <= last.until else None
