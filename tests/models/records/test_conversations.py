"""Messages of sessions on both databases: one after the other, each once, and forgotten in time."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic_core import to_json

from models.errors import ConflictingEventError
from models.records.audit_log.log import PredictionLog
from models.records.audit_log.record import PredictionRecord
from models.records.conversations import Message, Said, forget, go_on
from models.records.outcomes.ledger import Outcome
from models.records.outcomes.predictions import PREDICTIONS
from models.registry.database.engine import reading
from models.registry.database.schema import conversation_messages
from tests.conftest import MOMENT

SILENCE = timedelta(minutes=30)


def record(name: str) -> PredictionRecord:
    answer = to_json({"prediction_id": name}).decode()
    return PredictionRecord(name, 1, "desk", 0, "champion", "reply", 0, 1, "", "", 1, "{}", "", answer)


def counting(memory: Mapping[str, Any] | None, **more: Any) -> Said:
    """Says the how many-th message of the session it is."""
    n = (memory or {}).get("n", 0) + 1
    return Said(answer=f'"{n}"', stored=f'"{n}"', memory={"n": n}, **more)


def say(
    engine: sa.Engine, text: str = "hi", session: str = "s", *, name: str | None = None, minutes: float = 0, **more: Any
) -> int:
    message = Message(model="desk", session=session, message_id=name, contents=text)
    now = MOMENT + timedelta(minutes=minutes)
    answer = go_on(engine, message, lambda memory: counting(memory, **more), now=now, silence=SILENCE)
    return int(answer.strip('"'))


def test_messages_follow_each_other_within_their_session(engine: sa.Engine) -> None:
    """And sessions know nothing of each other, nor models."""
    assert [say(engine), say(engine), say(engine, session="t"), say(engine)] == [1, 2, 1, 3]
    other = Message(model="shop", session="s", message_id=None, contents="hi")
    assert go_on(engine, other, counting, now=MOMENT, silence=SILENCE) == '"1"'


def test_a_message_that_is_sent_again_counts_once(engine: sa.Engine) -> None:
    """It gets the answer it got, also later and after others; without an ID it is a new message."""
    assert say(engine, name="a", records=[record("p1")]) == 1
    assert say(engine, name="b") == 2
    assert say(engine, name="a", minutes=20, records=[record("p1")]) == 1
    assert say(engine, name="a", session="t") == 1
    assert say(engine) == 3
    with pytest.raises(ConflictingEventError, match="message_id is the ID of another message of this session"):
        say(engine, "something else", name="a")
    assert say(engine) == 4


def test_a_session_begins_anew_after_the_silence(engine: sa.Engine) -> None:
    """At the end of it, it still goes on; each message begins the silence again."""
    assert [say(engine, minutes=at) for at in (0, 30, 60, 90.001, 100)] == [1, 2, 3, 1, 2]


def test_what_is_silent_is_deleted(engine: sa.Engine) -> None:
    """And nothing that a session still needs."""
    for at in (0, 20):
        say(engine, minutes=at)
    say(engine, session="t")
    assert forget(engine, now=MOMENT + SILENCE) == 0
    assert forget(engine, now=MOMENT + SILENCE + timedelta(milliseconds=1)) == 2
    assert say(engine, minutes=31) == 3
    assert forget(engine, now=MOMENT + timedelta(days=1)) == 2
    with reading(engine) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(conversation_messages)) == 0


def test_messages_of_one_session_at_once_are_answered_one_after_the_other(engine: sa.Engine) -> None:
    """None is lost, and of equal ones with an ID only one is answered."""
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda place: say(engine, session=str(place % 2)), range(40)))
        again = list(pool.map(lambda _: say(engine, session="u", name="same"), range(16)))
    assert sorted(found) == sorted([*range(1, 21)] * 2)
    assert again == [1] * 16


def test_answer_record_outcome_and_memory_are_stored_together_or_not_at_all(engine: sa.Engine) -> None:
    say(engine, records=[record("p1")], outcomes=[Outcome("p0", "refund")])
    log = PredictionLog(engine)
    assert [one.id for one in log.records("p1")] == ["p1"]
    with reading(engine) as connection:
        assert PREDICTIONS.values(connection, "desk") == {"p0": "refund"}

    def fails(memory: Mapping[str, Any] | None) -> Said:
        raise RuntimeError("no answer")

    message = Message(model="desk", session="s", message_id=None, contents="hi")
    with pytest.raises(RuntimeError, match="no answer"):
        go_on(engine, message, fails, now=MOMENT, silence=SILENCE)
    assert say(engine) == 2
