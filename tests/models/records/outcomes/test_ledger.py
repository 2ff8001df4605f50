"""The rules of both ledgers, against lists in memory: what is new, what holds, and what held."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from models.records.outcomes.events import EVENTS
from models.records.outcomes.ledger import Ledger, Outcome
from models.records.outcomes.predictions import PREDICTIONS
from models.registry.database.engine import reading, writing

START = datetime(2024, 3, 1, tzinfo=UTC)
LEDGERS = {"events": EVENTS, "predictions": PREDICTIONS}
Said = tuple[str, bool | None, int | None]
said_lists = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from([True, False, None]), st.none() | st.integers(0, 3)), max_size=10
)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def add(engine: sa.Engine, ledger: Ledger, said: list[Said], now: int, model: str = "m") -> int:
    outcomes = [Outcome(name, value, None if known is None else day(known), "s") for name, value, known in said]
    with writing(engine) as connection:
        return ledger.add(connection, model, outcomes, now=day(now))


def holding(engine: sa.Engine, ledger: Ledger, until: int | None = None) -> dict[str, Any]:
    with reading(engine) as connection:
        latest = ledger.latest(connection, "m", until=None if until is None else day(until))
        values = ledger.values(connection, "m", until=None if until is None else day(until))
    assert values == {name: one.value for name, one in latest.items() if one.value is not None}
    return values


@pytest.mark.parametrize("ledger", LEDGERS.values(), ids=LEDGERS)
@settings(max_examples=25)
@given(said=said_lists)
def test_any_order(engine: sa.Engine, ledger: Ledger, said: list[Said]) -> None:
    """Sent one by one, a day apart: the last one that arrived holds for events, the one observed last otherwise."""
    with writing(engine) as connection:
        connection.execute(ledger.table.delete())
    kept: list[tuple[str, bool | None, int]] = []
    for now, one in enumerate(said, start=4):
        name, value, known = one
        place = now if known is None else known
        order = [two for two in kept if two[0] == name]
        if not ledger.latest_arrival_holds:
            order.sort(key=lambda two: two[2])  # stable: of the same time the one that arrived last comes last
        present = order[-1][1:2] if order else (None,) if ledger.latest_arrival_holds else ()
        if ledger.latest_arrival_holds or known is None:
            is_new = present != (value,)
        else:
            is_new = (name, value, place) not in kept
        assert add(engine, ledger, [one], now) == is_new
        assert add(engine, ledger, [one], now) == 0
        if is_new:
            kept.append((name, value, place))
    ordered = kept if ledger.latest_arrival_holds else sorted(kept, key=lambda two: two[2])
    assert holding(engine, ledger) == {
        name: value for name, value in {name: value for name, value, _ in ordered}.items() if value is not None
    }


@pytest.mark.parametrize("ledger", LEDGERS.values(), ids=LEDGERS)
@settings(max_examples=25)
@given(said=said_lists)
def test_at_once_is_as_one_by_one(engine: sa.Engine, ledger: Ledger, said: list[Said]) -> None:
    """One request of many outcomes says what many requests of one say."""
    found = []
    for parts in ([said], [[one] for one in said]):
        with writing(engine) as connection:
            connection.execute(ledger.table.delete())
        n_new = sum(add(engine, ledger, part, 9) for part in parts)
        found.append((n_new, holding(engine, ledger)))
    assert found[0] == found[1]


@pytest.mark.parametrize("ledger", LEDGERS.values(), ids=LEDGERS)
def test_a_look_back_finds_what_was_known_then(engine: sa.Engine, ledger: Ledger) -> None:
    """Before a correction its predecessor, before the first outcome none; other models and sources do not count."""
    add(engine, ledger, [("a", True, None)], 5)
    add(engine, ledger, [("a", False, None)], 7)
    add(engine, ledger, [("a", True, 6)], 6, model="another")
    assert [holding(engine, ledger, until) for until in (4, 5, 6, 7)] == [{}, {"a": True}, {"a": True}, {"a": False}]
    with reading(engine) as connection:
        assert ledger.latest(connection, "m", ["a", "b"]) == {"a": Outcome("a", False, day(7), "s")}
        assert ledger.latest(connection, "m", ["a"], without="s") == {}


def test_a_late_outcome_is_found_from_its_arrival_on_a_late_label_from_when_it_is_known(engine: sa.Engine) -> None:
    """Rows are trained on as they were known; windows see a label as of the time that its sender gives."""
    for ledger in LEDGERS.values():
        add(engine, ledger, [("a", True, 1)], 8)
    assert [holding(engine, PREDICTIONS, until) for until in (7, 8)] == [{}, {"a": True}]
    assert [holding(engine, EVENTS, until) for until in (0, 1)] == [{}, {"a": True}]


def test_levels_and_numbers_come_back_as_they_were_told(engine: sa.Engine) -> None:
    """A level is no flag, and neither is a zero."""
    told: list[Any] = [("a", "sales", 1), ("b", 0.0, 1), ("c", 2.5, 1), ("d", False, 1)]
    assert add(engine, PREDICTIONS, told, 9) == 4
    assert add(engine, PREDICTIONS, told, 9) == 0
    found = holding(engine, PREDICTIONS)
    assert found == {"a": "sales", "b": 0.0, "c": 2.5, "d": False}
    assert found["b"] is not False
