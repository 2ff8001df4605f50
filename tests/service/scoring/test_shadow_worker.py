"""Shadows that cannot keep up, or fail, do not affect answers: rows are skipped and counted."""

from threading import Event

import pytest
from prometheus_client import generate_latest

from models.domains._discovery import load_domains
from models.records.audit_log.record import BATCH, SCORE
from service.live.served_model import ServedModel
from service.metrics.metrics import Metrics
from service.requests.call import Call
from service.scoring.shadow_worker import MAX_RECORDS_WAITING, Seen, ShadowWorker
from tests.conftest import quick_live

CALL = Call("key", 0, 0.0)


class Writer:
    """Keeps records; a test sets its queue length and may block it."""

    def __init__(self):
        self.records, self.n_waiting, self.may_go_on, self.is_asked = [], 0, Event(), Event()
        self.may_go_on.set()

    def record_deferred(self, records):
        self.is_asked.set()
        assert self.may_go_on.wait(10)
        self.records += records


class Log:
    """Keeps what is logged with a stack trace."""

    def __init__(self):
        self.lines = []

    def error(self, event, *, exc_info, **_):
        assert isinstance(exc_info, Exception)
        self.lines.append(event)


@pytest.fixture(scope="module")
def served():
    return ServedModel.of(quick_live(load_domains()["credit"]), "d")


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
def writer():
    return Writer()


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def shadowing(writer, metrics, log):
    shadowing = ShadowWorker(writer, metrics, log, max_rows_waiting=5)
    shadowing.start()
    return shadowing


def counted(metrics):
    lines = generate_latest(metrics.registry).decode().splitlines()
    return {
        result: int(float(line.split()[-1]))
        for result in ("answered", "dropped", "failed")
        for line in lines
        if line.startswith(f'backscore_shadow_rows_total{{result="{result}"}}')
    }


def seen(served, *numbers, action=SCORE, row=None):
    row = row or served.example()
    ids = [f"p{number}" for number in numbers]
    return Seen(served, [row] * len(numbers), ids, ids[0], action, CALL)


def test_what_waits_at_the_end_is_answered(shadowing, writer, metrics, served):
    """Each request has a record of its own, a batch one for all of its rows."""
    shadowing.look([seen(served, 1), seen(served, 2), seen(served, 3, 4, action=BATCH)])
    shadowing.close()
    assert [(one.id, one.n_rows) for one in writer.records] == [("p1", 1), ("p2", 1), ("p3", 2)]
    assert counted(metrics) == {"answered": 4, "dropped": 0, "failed": 0}


def test_rows_that_find_no_room_are_left_out(shadowing, writer, metrics, served):
    """While the thread is held up; a batch that is larger than the room is taken where nothing waits."""
    writer.may_go_on.clear()
    shadowing.look([seen(served, 1)])
    assert writer.is_asked.wait(10)
    shadowing.look([seen(served, number) for number in range(2, 12)])
    writer.may_go_on.set()
    shadowing.close()
    assert [one.id for one in writer.records] == ["p1", "p2", "p3", "p4", "p5"]
    assert counted(metrics) == {"answered": 5, "dropped": 6, "failed": 0}


def test_a_large_batch_is_taken_where_nothing_waits(shadowing, writer, metrics, served):
    """Else it never could be."""
    shadowing.look([seen(served, *range(40), action=BATCH)])
    shadowing.close()
    assert [one.n_rows for one in writer.records] == [40]
    assert counted(metrics)["answered"] == 40


def test_a_shadow_leaves_the_audit_log_its_room(shadowing, writer, metrics, served):
    """Long before those are refused who wait for their answers."""
    writer.n_waiting = MAX_RECORDS_WAITING + 1
    shadowing.look([seen(served, 1, 2, action=BATCH)])
    shadowing.close()
    assert (writer.records, counted(metrics)["dropped"]) == ([], 2)


def test_a_shadow_that_fails_is_counted_and_the_next_one_answers(shadowing, writer, metrics, served, log):
    """It takes no other with it, and is logged once for a shadow."""
    for number in range(3):
        shadowing.look([seen(served, number, row={"income_eur": "not a number"})])
    shadowing.look([seen(served, 7)])
    shadowing.close()
    assert [one.id for one in writer.records] == ["p7"]
    assert counted(metrics) == {"answered": 1, "dropped": 0, "failed": 3}
    assert log.lines == ["shadow failed"]
