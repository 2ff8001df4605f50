"""Every text about alerts is in the nouns of the domain, whichever these are."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from data.simulators.fraud import TABLE
from models.answers.respond import respond
from models.clock import utc_now
from models.contract import AlertWords
from models.domains import fraud
from models.domains._discovery import load_domains
from models.records.events.alert_desk import alert_intake_of
from models.records.events.event_log import EventLog
from models.registry.database.engine import open_database
from models.registry.live import load_live
from service.cli import console

MERCHANTS = AlertWords(
    subject="merchant",
    subjects="merchants",
    positive="dispute",
    positives="disputes",
    negative="settled",
    affected="merchants with a dispute",
)
ABOUT_CARDS = re.compile(r"\b(cards?|frauds)\b|\b(?:a|with|are|no) fraud\b")


@pytest.fixture
def rows(tmp_path):
    """A file of past transactions."""
    path = tmp_path / "rows.csv"
    load_domains()["fraud"].simulate(800, 5).frame.to_csv(path, index=False)
    return path


@pytest.fixture
def rules(tmp_path):
    """A file with a rule."""
    path = tmp_path / "rules.toml"
    path.write_text('[[rules]]\nname = "large"\naction = "block"\nwhen = [{column = "amount_eur", above = 150}]\n')
    return path


@pytest.fixture
def answered(trained):
    """An event of an hour ago that waits for review."""
    live = load_live(trained.registry.champion("fraud"), trained.home.bundles)
    live = replace(live, policy=live.policy.model_copy(update={"review_from": 0.0, "block_from": 1.0}))
    engine = open_database(trained.home.database_url)
    log = EventLog(engine, "fraud", live.table, listener=alert_intake_of(live, utc_now))
    moment = utc_now().replace(tzinfo=None, microsecond=0) - timedelta(hours=1)
    row = {**TABLE.example(), "transaction_id": "1", "time": moment, "customer_id": "A"}
    log.answer([row], lambda found, places: respond(live, found, [f"answer {place}" for place in places]))
    engine.dispose()


@pytest.fixture
def texts(run, trained, rows, rules, answered, monkeypatch):
    """What the commands about alerts print, without the names of models, files and reasons."""
    monkeypatch.setattr(console.results, "_width", 300)  # a heading in one line

    def printed() -> str:
        commands = (
            ("policy", "simulate", "fraud", "--data", rows, "--save", "--why", "test"),
            ("policy", "show", "fraud"),
            ("policy", "activate", "fraud", 1, "--why", "test"),
            ("policy", "rollback", "fraud", "--why", "test"),
            ("rules", "backtest", "fraud", "--rules", rules, "--data", rows),
            ("alerts", "fraud"),
            ("figures", "fraud"),
            ("events", "show", "fraud"),
        )
        outcomes = [run(*command) for command in commands]
        assert [outcome.exit_code for outcome in outcomes] == [0] * len(commands)
        # descriptions of the policy's fields and reasons are the domain's own texts
        return "\n".join(
            line
            for one in outcomes
            for line in one.stdout.splitlines()
            if "hours" not in line and "review:" not in line
        )

    return printed


def test_a_domain_of_merchants_reads_of_merchants(texts, monkeypatch):
    """No card and no fraud is left, in any command; with fraud's own words there are."""
    assert ABOUT_CARDS.search(texts())
    monkeypatch.setattr(fraud, "DOMAIN", replace(fraud.DOMAIN, queue=replace(fraud.DOMAIN.queue, words=MERCHANTS)))

    found = texts()

    assert [line for line in found.splitlines() if ABOUT_CARDS.search(line)] == []
    for text in (
        "merchants with a dispute found",
        "value of disputes detected",
        "merchants reviewed and",
        "good merchants",
        "new disputes",
        "disputes let pass",
        "disputes known",
        "0 dispute, 0 settled",
    ):
        assert text in found
