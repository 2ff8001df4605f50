"""Outcomes on both databases: told in any order and as often as one likes, the one observed last holds."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from data.column import Column
from data.table import Table
from models.records.audit_log.log import PredictionLog
from models.records.outcomes.known import outcomes_in_order
from models.records.outcomes.ledger import Outcome
from models.records.outcomes.predictions import PREDICTIONS, take_outcomes
from models.registry.database.schema import outcomes
from tests.models.records.audit_log.predictions import START, record
from tests.models.records.audit_log.predictions import store as write

NOW = START + timedelta(days=100)
TABLE = Table(name="t", columns=(Column(name="x", kind="number"),))
DAY = timedelta(days=1)


@pytest.fixture
def engine(engine):
    write(
        PredictionLog(engine),
        [record("a"), record("b", 1), record("many", 2, rows=[{"x": 1}, {"x": 2}]), record("f", model="fraud")],
    )
    return engine


EVENTS = {"fraud": (None, SimpleNamespace(windows=("a window",)))}


def take(engine, *told, now=NOW):
    outcomes = [Outcome(name, what, START + days * DAY, "k") for name, what, days in told]
    return take_outcomes(engine, outcomes, now=now, targets=EVENTS)


def known(engine, model):
    with engine.begin() as connection:
        return PREDICTIONS.values(connection, model)


def test_outcomes_are_taken_once(engine):
    """The same again says nothing new; those of a batch's rows have their own ids."""
    told = [("a", True, 5), ("many-2", False, 6)]
    assert take(engine, *told, told[0]).n_new == 2
    assert take(engine, *told).n_new == 0
    assert known(engine, "credit") == {"a": True, "many-2": False}
    assert known(engine, "fraud") == {}


def test_the_one_observed_last_holds(engine):
    """Whatever came last; of the same time the one said last; and an outcome can be taken back."""
    take(engine, ("a", True, 5), ("b", True, 5))
    take(engine, ("a", False, 4), ("b", False, 5))
    assert known(engine, "credit") == {"a": True, "b": False}
    take(engine, ("a", None, 6))
    assert known(engine, "credit") == {"b": False}
    take(engine, ("a", False, 7))
    assert known(engine, "credit") == {"a": False, "b": False}


def test_an_outcome_without_a_time_is_of_now_and_is_told_once(engine):
    """Sent again later it says nothing new; after a correction it does."""
    said = enumerate([True, True, False, False, True])
    taken = [take_outcomes(engine, [Outcome("a", what)], now=NOW + day * DAY, targets={}) for day, what in said]
    assert [one.n_new for one in taken] == [1, 0, 1, 0, 1]
    assert known(engine, "credit") == {"a": True}


def test_what_cannot_be_is_named_and_the_rest_is_taken(engine):
    """By place and field."""
    told = [("x", True, 5), ("a", True, 200), ("b", True, -1), ("many-1", True, 5), ("f", True, 5), ("a", True, 5)]
    taken = take(engine, *told)
    assert taken.n_new == 1
    assert {place: field for place, (field, _) in taken.problems.items()} == {
        0: "prediction_id",
        1: "observed",
        2: "observed",
        3: "prediction_id",
        4: "prediction_id",
    }
    assert "/v1/fraud/labels" in taken.problems[4][1]


def test_ids_that_no_database_can_hold(engine):
    """PostgreSQL refuses texts with the character 0; they are ids of nothing, and the others are taken."""
    taken = take(engine, ("a\0", True, 5), ("a", True, 5))
    assert (taken.n_new, list(taken.problems)) == (1, [0])


def test_what_was_told_is_looked_up_by_an_index(engine):
    """Or else, telling a lot takes the square of its number, while nobody else can write."""
    seen = []

    def keep(_connection, _cursor, statement, parameters, _context, _many):
        if statement.startswith("SELECT") and "FROM outcomes" in statement:
            seen.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", keep)
    take(engine, ("a", True, 5))
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
    best, said = {}, set()
    for start in range(0, len(told), cuts):
        part = told[start : start + cuts]
        take(engine, *part)
        take(engine, *part)
        for one in part:
            name, what, days = one
            if one not in said and days >= best.get(name, (None, 0))[1]:
                best[name] = (what, days)
            said.add(one)
    assert known(engine, "credit") == {name: what for name, (what, _) in best.items() if what is not None}


def test_outcomes_stand_in_the_order_of_the_predictions(engine):
    """However they arrive, with those that are unknown: an order that no outcome can change."""

    def in_order():
        return list(outcomes_in_order(engine, "credit", TABLE, since=START, now=NOW + 9 * DAY))

    before = in_order()
    assert {value for _, value in before} == {None}
    ids = [one for one, _ in before]
    assert {"a", "b", "many-0"} <= set(ids)
    take(engine, ("b", True, 5))
    take(engine, ("a", False, 5), ("many-0", True, 5), now=NOW + DAY)
    assert in_order() == [(one, {"a": False, "b": True, "many-0": True}.get(one)) for one in ids]
    take(engine, ("b", False, 6), ("a", None, 6), now=NOW + DAY)
    assert in_order() == [(one, {"b": False, "many-0": True}.get(one)) for one in ids]
