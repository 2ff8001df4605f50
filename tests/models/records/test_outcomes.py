"""Outcomes on both databases: told in any order and as often as one likes, the one observed last holds."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from models.monitoring.performance.weekly import performance
from models.records.audit_log.log import PredictionLog
from models.records.audit_log.record import milliseconds
from models.records.outcomes import Outcome, OutcomeStore, in_order_of_arrival
from models.registry.database.engine import open_database
from models.registry.database.migrations import create_schema
from models.registry.database.schema import outcomes
from models.tasks.binary import binary
from tests.models.records.audit_log.predictions import START, record
from tests.models.records.audit_log.predictions import store as write

NOW = START + timedelta(days=100)
DAY = timedelta(days=1)


@pytest.fixture
def engine(url):
    opened = open_database(url)
    create_schema(opened)
    write(
        PredictionLog(opened),
        [record("a"), record("b", 1), record("many", 2, rows=[{"x": 1}, {"x": 2}]), record("f", model="fraud")],
    )
    yield opened
    opened.dispose()


@pytest.fixture
def store(engine):
    return OutcomeStore(engine, now=lambda: NOW)


def take(store, *told):
    return store.take([Outcome(name, what, START + days * DAY) for name, what, days in told], key_id="k")


def test_outcomes_are_taken_once(store):
    """The same again says nothing new; those of a batch's rows have their own ids."""
    told = [("a", True, 5), ("many-2", False, 6)]
    assert take(store, *told, told[0]).n_new == 2
    assert take(store, *told).n_new == 0
    assert store.known("credit") == {"a": True, "many-2": False}
    assert store.known("fraud") == {}


def test_the_one_observed_last_holds(store):
    """Whatever came last; of the same time the one said last; and an outcome can be taken back."""
    take(store, ("a", True, 5), ("b", True, 5))
    take(store, ("a", False, 4), ("b", False, 5))
    assert store.known("credit") == {"a": True, "b": False}
    take(store, ("a", None, 6))
    assert store.known("credit") == {"b": False}
    take(store, ("a", False, 7))
    assert store.known("credit") == {"a": False, "b": False}


def test_an_outcome_without_a_time_is_of_now_and_is_told_once(engine):
    """Sent again later it says nothing new; after a correction it does."""
    clock = [NOW]
    store = OutcomeStore(engine, now=lambda: clock[0])

    def tell(what):
        clock[0] += DAY
        return store.take([Outcome("a", what, None)], key_id="").n_new

    assert [tell(True), tell(True), tell(False), tell(False), tell(True)] == [1, 0, 1, 0, 1]
    assert store.known("credit") == {"a": True}


def test_what_cannot_be_is_named_and_the_rest_is_taken(store):
    """By place and field."""
    told = [("x", True, 5), ("a", True, 200), ("b", True, -1), ("many-1", True, 5), ("f", True, 5), ("a", True, 5)]
    taken = store.take(
        [Outcome(name, what, START + days * DAY) for name, what, days in told], key_id="", labelled=frozenset({"fraud"})
    )
    assert taken.n_new == 1
    assert {place: field for place, (field, _) in taken.problems.items()} == {
        0: "prediction_id",
        1: "observed",
        2: "observed",
        3: "prediction_id",
        4: "prediction_id",
    }
    assert "/v1/fraud/labels" in taken.problems[4][1]


def test_ids_that_no_database_can_hold(store):
    """PostgreSQL refuses texts with the character 0; they are ids of nothing, and the others are taken."""
    taken = take(store, ("a\0", True, 5), ("a", True, 5))
    assert (taken.n_new, list(taken.problems)) == (1, [0])


def test_what_was_told_is_looked_up_by_an_index(engine, store):
    """Or else, telling a lot takes the square of its number, while nobody else can write."""
    seen = []

    def keep(_connection, _cursor, statement, parameters, _context, _many):
        if statement.startswith("SELECT") and "FROM outcomes" in statement:
            seen.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", keep)
    take(store, ("a", True, 5))
    sa.event.remove(engine, "before_cursor_execute", keep)
    ((statement, parameters),) = seen
    is_sqlite = engine.dialect.name == "sqlite"
    with engine.begin() as connection:
        if not is_sqlite:  # which reads a table as small as this one from end to end, if it may
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        plan = str(connection.exec_driver_sql(f"{explain} {statement}", parameters).all())
    assert ("(model=? AND prediction_id=?)" if is_sqlite else "Index Cond: (((model)") in plan, plan


@settings(max_examples=25)
@given(
    told=st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([True, False, None]), st.integers(1, 4)), max_size=8
    ),
    cuts=st.integers(1, 8),
)
def test_any_order_of_telling(engine, told, cuts):
    """Against a dictionary; told in parts, each part twice."""
    with engine.begin() as connection:
        connection.execute(outcomes.delete())
    store = OutcomeStore(engine, now=lambda: NOW)
    best, said = {}, set()
    for start in range(0, len(told), cuts):
        part = told[start : start + cuts]
        take(store, *part)
        take(store, *part)
        for one in part:
            name, what, days = one
            if one not in said and days >= best.get(name, (None, 0))[1]:
                best[name] = (what, days)
            said.add(one)
    assert store.known("credit") == {name: what for name, (what, _) in best.items() if what is not None}


def test_the_order_of_arrival_never_changes(engine):
    """A correction changes an outcome where it stands; what was first told before `since` is left out."""
    clock = [NOW]
    store = OutcomeStore(engine, now=lambda: clock[0])
    take(store, ("b", True, 5))
    clock[0] += DAY
    take(store, ("a", True, 5), ("many-0", True, 5))
    assert list(in_order_of_arrival(engine, "credit", START)) == [("b", True), ("a", True), ("many-0", True)]
    take(store, ("b", False, 6), ("a", None, 6))
    assert list(in_order_of_arrival(engine, "credit", START)) == [("b", False), ("many-0", True)]
    assert list(in_order_of_arrival(engine, "credit", NOW + DAY)) == [("many-0", True)]


def live(name):
    """What `performance` reads of a live version."""
    domain = SimpleNamespace(task=binary("p"), operations=(), favourable="")
    return SimpleNamespace(name=name, domain=domain, table=SimpleNamespace(windows=()))


def test_performance_by_week(engine, store):
    """Young weeks have only what can be expected; matured ones both; each prediction is in one week."""
    log = PredictionLog(engine)
    minutes_of_week = 7 * 24 * 60
    rows = [
        record(f"{week}:{i}", week * minutes_of_week + i, rows=[{"x": i % 10}]) for week in range(4) for i in range(120)
    ]
    write(log, rows)
    now = START + timedelta(weeks=4)
    told = [Outcome(one.id, i % 10 > 5, START + timedelta(weeks=3, days=6)) for i, one in enumerate(rows)]
    assert OutcomeStore(engine, now=lambda: now).take(told, key_id="").n_new == 480

    found = performance(engine, live("credit"), now=now, weeks=6, maturity_days=14)
    assert sum(week.n_predictions for week in found.by_week) == 480 + 4
    assert [week.since.weekday() for week in found.by_week] == [0] * len(found.by_week)
    matured = [week for week in found.by_week if week.is_matured]
    assert 0 < len(matured) < len(found.by_week)
    assert all((week.realised is not None) == week.is_matured for week in found.by_week)
    assert all(week.expected.auc.value is not None for week in found.by_week if week.n_predictions > 100)
    assert found.total.n_known == found.by_version[1].n_rows <= 480
    assert found.total.realised.auc.value > 0.99


def test_nothing_recorded_is_nothing_judged(engine):
    found = performance(engine, live("nothing"), now=NOW)
    assert (found.total, found.by_week, found.by_version) == (None, [], {})


def test_of_many_predictions_some_are_judged(engine, monkeypatch):
    """Evenly drawn, with the outcomes that are known of them; the share is told."""
    monkeypatch.setattr("models.monitoring.performance.weekly.MAX_ROWS", 500)
    rows = [record(f"r{i}", i, rows=[{"x": i % 10}], at=milliseconds(START) + 7_919 * i) for i in range(4_000)]
    write(PredictionLog(engine), rows)
    now = START + timedelta(weeks=4)
    store = OutcomeStore(engine, now=lambda: now)
    store.take([Outcome(one.id, i % 10 > 5, now) for i, one in enumerate(rows) if i % 2], key_id="")

    found = performance(engine, live("credit"), now=now, weeks=6, maturity_days=14)
    assert 300 < found.total.n_predictions < 700
    assert found.share == pytest.approx(found.total.n_predictions / 4_004, abs=0.03)
    assert found.total.n_known == pytest.approx(found.total.n_predictions / 2, rel=0.25)
    assert found.total.realised.auc.value == pytest.approx(1)
    assert performance(engine, live("credit"), now=now, weeks=6, maturity_days=14) == found
