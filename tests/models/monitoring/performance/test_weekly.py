"""Live performance by week: young weeks, matured weeks, and a sample of many predictions."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from models.monitoring.performance.weekly import performance
from models.records.audit_log.log import PredictionLog
from models.records.audit_log.record import milliseconds
from models.records.outcomes.ledger import Outcome
from models.records.outcomes.predictions import take_outcomes
from models.tasks.binary import binary
from tests.models.records.audit_log.predictions import START, record
from tests.models.records.audit_log.predictions import store as write

NOW = START + timedelta(days=100)


@pytest.fixture
def log(engine):
    """Four answered rows of two models."""
    log = PredictionLog(engine)
    write(log, [record("a"), record("b", 1), record("many", 2, rows=[{"x": 1}, {"x": 2}]), record("f", model="fraud")])
    return log


def live(name):
    """What `performance` reads of a live version."""
    domain = SimpleNamespace(task=binary("p"), operations=(), favourable="", maturity_days=30.0)
    return SimpleNamespace(name=name, domain=domain, table=SimpleNamespace(windows=()))


def test_performance_by_week(engine, log):
    """Young weeks have only what can be expected; matured ones both; each prediction is in one week."""
    minutes_of_week = 7 * 24 * 60
    rows = [
        record(f"{week}:{i}", week * minutes_of_week + i, rows=[{"x": i % 10}]) for week in range(4) for i in range(120)
    ]
    write(log, rows)
    now = START + timedelta(weeks=4)
    told = [Outcome(one.id, i % 10 > 5, START + timedelta(weeks=3, days=6)) for i, one in enumerate(rows)]
    assert take_outcomes(engine, told, now=now, targets={}).n_new == 480

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


def test_of_many_predictions_some_are_judged(engine, log, monkeypatch):
    """Evenly drawn, with the outcomes that are known of them; the share is told."""
    monkeypatch.setattr("models.monitoring.performance.weekly.MAX_ROWS", 500)
    rows = [record(f"r{i}", i, rows=[{"x": i % 10}], at=milliseconds(START) + 7_919 * i) for i in range(4_000)]
    write(log, rows)
    now = START + timedelta(weeks=4)
    told = [Outcome(one.id, i % 10 > 5, now) for i, one in enumerate(rows) if i % 2]
    take_outcomes(engine, told, now=now, targets={})

    found = performance(engine, live("credit"), now=now, weeks=6, maturity_days=14)
    assert 300 < found.total.n_predictions < 700
    assert found.share == pytest.approx(found.total.n_predictions / 4_004, abs=0.03)
    assert found.total.n_known == pytest.approx(found.total.n_predictions / 2, rel=0.25)
    assert found.total.realised.auc.value == pytest.approx(1)
    assert performance(engine, live("credit"), now=now, weeks=6, maturity_days=14) == found
