"""The writer's thread: waiting rows are answered together, waiting is bounded, and failures are isolated."""

import asyncio
import threading
from dataclasses import dataclass, field

import pytest

from models.errors import DatabaseError, EventError
from service.errors import BusyError
from service.metrics.metrics import Metrics
from service.requests.call import Call
from service.scoring.event_worker import EventWorker, PendingEvents, _by_request

CALL = Call(key_id="", at=0, started=0.0)


@dataclass(eq=False)
class Log:
    """Answers a number with its double; blocks at 0 until released, and fails at given values."""

    fails_at: dict = field(default_factory=dict)
    calls: list = field(default_factory=list)
    reached: threading.Event = field(default_factory=threading.Event)
    may_go_on: threading.Event = field(default_factory=threading.Event)

    def answer(self, rows, respond, recorded):
        self.calls.append(list(rows))
        if 0 in rows:
            self.reached.set()
            assert self.may_go_on.wait(10)
        for row in rows:
            if row in self.fails_at:
                raise self.fails_at[row]
        return [EventError("row", row, "is odd") if row % 2 else str(2 * row) for row in rows]


@dataclass(eq=False)
class RowBatcher:
    """What the writer reads of a serving."""

    events: Log
    live: None = None


class Nobody:
    """Looks on, and answers nothing."""

    def look(self, seen):
        assert not seen


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def served(log):
    return RowBatcher(log)


@pytest.fixture
def start():
    """Starts writers, and ends them."""
    writers = []

    def started(**settings):
        writers.append(EventWorker(Metrics(), Nobody(), **settings))
        writers[-1].start()
        return writers[-1]

    yield started
    for writer in writers:
        writer.close()


def held_up(writer, log, served, rows):
    """Sends rows while the thread is blocked by another one, releases it, and returns each result."""

    async def ask():
        first = asyncio.create_task(writer.answer(served, 0, "id", "none", CALL))
        await asyncio.to_thread(log.reached.wait, 10)
        others = [asyncio.create_task(writer.answer(served, row, "id", "none", CALL)) for row in rows]
        await asyncio.sleep(0)  # all of them wait now
        log.may_go_on.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    return asyncio.run(ask())[1:]


def test_all_that_wait_are_answered_together(start, log, served):
    """One that comes alone is not kept waiting; those that came meanwhile share a transaction."""
    assert held_up(start(), log, served, [2, 4, 6]) == ["4", "8", "12"]
    assert log.calls == [[0], [2, 4, 6]]


def test_requests_that_want_other_reasons_are_answered_apart(start, log, served):
    """Each transaction answers in one way."""
    writer = start()
    log.may_go_on.set()

    async def ask():
        return await asyncio.gather(*(writer.answer(served, 2, "id", reasons, CALL) for reasons in ("none", "all")))

    assert asyncio.run(ask()) == ["4", "4"]
    assert log.calls == [[2], [2]]


def test_what_cannot_be_answered_is_told_to_who_asked(start, log, served):
    """Among others that can."""
    found = held_up(start(), log, served, [2, 3, 4])

    assert (found[0], found[2]) == ("4", "8")
    assert isinstance(found[1], EventError)


def test_a_failure_that_nobody_foresaw_is_nobody_elses(start, log, served):
    """The others are answered one by one."""
    log.fails_at = {4: ZeroDivisionError()}

    found = held_up(start(), log, served, [2, 4, 6])

    assert (found[0], found[2]) == ("4", "12")
    assert isinstance(found[1], ZeroDivisionError)


def test_a_database_that_fails_is_not_asked_again_for_each(start, log, served):
    """All get the error; each would only wait again."""
    log.fails_at = {4: DatabaseError("away")}

    found = held_up(start(), log, served, [2, 4])

    assert [type(error) for error in found] == [DatabaseError, DatabaseError]
    assert log.calls == [[0], [2, 4]]


def test_more_than_may_wait_are_refused(start, log, served):
    """At once, with what to do."""
    found = held_up(start(max_waiting=2), log, served, [2, 4, 6])

    assert found[:2] == ["4", "8"]
    assert isinstance(found[2], BusyError)
    assert "2 requests are waiting; retry" in str(found[2])


def test_who_has_waited_too_long_is_not_begun_any_more(start, log, served):
    """The one that was begun may still be stored, and those behind it are not."""
    writer = start(patience=0.05)

    async def ask():
        asking = [writer.answer(served, row, "id", "none", CALL) for row in (0, 2)]
        return await asyncio.gather(*asking, return_exceptions=True)

    found = asyncio.run(ask())
    log.may_go_on.set()
    writer.answer_batch(served, [4], ["id"], "none", batch_id="b", call=CALL)

    assert [type(error) for error in found] == [BusyError, BusyError]
    assert log.calls[-1] == [4]
    assert [2] not in log.calls


def test_a_batch_waits_longer_the_more_it_holds(start, log, served):
    """But not for ever."""
    writer = start(patience=0.01)

    with pytest.raises(BusyError, match="not stored within 0 s"):
        writer.answer_batch(served, [0], ["id"], "none", batch_id="b", call=CALL)
    log.may_go_on.set()
    assert writer.answer_batch(served, [2] * 100, ["id"] * 100, "none", batch_id="b", call=CALL) == ["4"] * 100
    assert writer.answer_batch(served, [], [], "none", batch_id="b", call=CALL) == []


def test_what_waits_at_the_end_is_answered(log, served):
    """A service that shuts down answers every waiting request."""
    writer = EventWorker(Metrics(), Nobody())

    async def ask():
        asking = [asyncio.create_task(writer.answer(served, row, "id", "none", CALL)) for row in (2, 4)]
        await asyncio.sleep(0)
        writer.start()
        await asyncio.to_thread(writer.close)
        return await asyncio.gather(*asking)

    assert asyncio.run(ask()) == ["4", "8"]


def test_each_request_of_a_group_is_recorded_with_its_own_rows(served):
    """Also where some of its rows were answered before, so that only the others are new."""
    group = [PendingEvents(served, "none", rows, list(rows), "id", "score", CALL) for rows in ("abc", "d", "ef")]
    new = [0, 2, 4, 5]

    found = [(one.rows, new[own]) for one, own in _by_request(group, new)]

    assert found == [("abc", [0, 2]), ("d", []), ("ef", [4, 5])]
