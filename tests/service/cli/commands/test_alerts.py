"""`alerts` and `figures`: what waits for people, and how good the answers were, as tables and as JSON."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from data.simulators.fraud import TABLE
from models.answers.respond import respond
from models.clock import utc_now
from models.records.events import alert_views
from models.records.events.alert_desk import alert_intake_of
from models.records.events.event_log import EventLog
from models.registry.database.engine import open_database
from models.registry.live import load_live
from service.cli.commands import alerts


@pytest.fixture
def answered(trained):
    """Three transactions of two cards, of now and of ten days ago, that a live model was asked about and reviewed."""
    version = trained.registry.champion("fraud")
    live = load_live(version, trained.home.bundles)
    object.__setattr__(live, "policy", live.policy.model_copy(update={"review_from": 0.0, "block_from": 1.0}))
    engine = open_database(trained.home.database_url)
    log = EventLog(engine, "fraud", live.table, listener=alert_intake_of(live, utc_now))
    moments = [datetime.now(UTC).replace(tzinfo=None, microsecond=0) - timedelta(days=days) for days in (10, 0.01, 0)]
    rows = [
        {**TABLE.example(), "transaction_id": str(i), "time": moment, "customer_id": card}
        for i, (moment, card) in enumerate(zip(moments, "ABA", strict=True))
    ]
    log.answer(rows, lambda found, places: respond(live, found, [f"answer {place}" for place in places]))
    engine.dispose()


def test_the_queue_is_shown_as_a_table(run, answered):
    """A line for each card, with why it is there."""
    shown = run("alerts", "fraud").stdout

    assert "2 open alerts shown; 2 are open in all" in shown
    assert "review:" in shown
    assert "expected loss" in shown


def test_the_queue_is_shown_as_json(run, answered):
    """As the endpoint tells it, at most as many as are asked for."""
    found = run("alerts", "fraud", "--limit", 1, "--json").json

    assert (found["name"], found["n_open"], len(found["alerts"])) == ("fraud", 2, 1)
    assert found["alerts"][0]["answer"]["decision"] == "review"
    assert run("alerts", "fraud", "--status", "cleared", "--json").json["alerts"] == []


def test_figures_are_shown_by_both_clocks(run, answered):
    """One of the three transactions is old enough for its label."""
    result = run("figures", "fraud", "--json").json
    assert (result["clock"]["matured"]["n_rows"], result["clock"]["naive"]["n_rows"]) == (1, 3)
    assert run("figures", "fraud", "--days", 5, "--json").json["clock"]["naive"]["n_rows"] == 2

    shown = run("figures", "fraud").stdout
    assert "3 answered events" in shown
    assert "matured labels" in shown
    assert "too early to evaluate" in " ".join(shown.split())


@pytest.mark.parametrize("command", ["alerts", "figures"])
def test_a_model_without_a_queue_is_refused(run, trained, command):
    """With the reason, as bad input."""
    result = run(command, "credit")
    assert result.exit_code == 2
    assert "'credit' has no review queue" in result.stderr


def test_an_empty_queue_says_so(run, trained):
    """And figures of nothing are none."""
    assert "0 open alerts shown" in run("alerts", "fraud").stdout
    assert "There are no transactions" in run("figures", "fraud").stdout


def test_the_command_knows_every_status():
    """It spells them itself, so that its help is quick."""
    assert get_args(alerts.Status) == get_args(alert_views.Status)
