"""GET /v1/models/{name}/monitor: findings about what is recorded, kept for a minute, made one at a time."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest

from models.drift.results import Monitor
from service.monitor_routes import Monitors
from tests.conftest import MOMENT

PATH = "/v1/models/credit/monitor"


@pytest.fixture
def client(start_service, watched):
    return start_service(watched.home.path).client


def test_rows_like_those_of_the_training_are_ok(client, ask_yesterday):
    """What is answered fits its type, and tells of every input."""
    ask_yesterday(client, 1_000, now=MOMENT)
    response = client.get(PATH)
    found = Monitor.model_validate(response.json())
    assert (found.model, found.version, found.state, found.n_recent) == ("credit", 3, "ok", 1_000)
    assert (found.computed, found.since) == (MOMENT, MOMENT - timedelta(days=7))
    inputs = {column.name for column in client.app.state.live_models.serving("credit").live.table.inputs}
    assert {one.column for one in (*found.columns, *found.not_compared)} == inputs


def test_a_shift_is_an_alarm(client, ask_yesterday):
    """Everybody has the same high income; it is said so in words."""
    ask_yesterday(client, 1_000, now=MOMENT, income_eur=9_000)
    found = client.get(PATH).json()
    assert found["state"] == "alarm"
    assert found["columns"][0]["column"] == "income_eur"
    assert all(one["state"] == "ok" for one in found["columns"][1:])
    assert found["columns"][0]["sentence"].startswith("Net household income per month: higher than in training, median")


def test_the_window_can_be_chosen(client, ask_yesterday):
    """What came before it is not looked at; a window that is none is refused."""
    ask_yesterday(client, 300, now=MOMENT)
    assert client.get(PATH).json()["n_recent"] == 300
    shorter = client.get(PATH, params={"days": 0.5}).json()
    assert (shorter["n_recent"], shorter["state"]) == (0, "too_few")
    for days in ("0", "-1", "nan", "367", "a"):
        refused = client.get(PATH, params={"days": days})
        assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "?days")


def test_an_older_bundle_has_nothing_to_compare_with(start_service, store):
    """It is said so, and what to do; a model that is not there is not found."""
    client = start_service(store.home.path).client
    answer = client.get(PATH)
    assert answer.status_code == 409
    assert "version 1 of 'credit' was trained before bundles kept a reference" in answer.json()["detail"]
    assert client.get("/v1/models/nothing/monitor").status_code == 404


def test_the_document_describes_it(client):
    """With the type of the answer, and every problem that it may end in."""
    operation = client.get("/openapi.json").json()["paths"]["/v1/models/{name}/monitor"]["get"]
    assert operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/Monitor")
    assert {"200", "404", "409", "422", "503"} <= set(operation["responses"])


class Finder:
    """Makes findings when it is let, and remembers how many at once it was asked for."""

    def __init__(self):
        self.may_go_on, self.n_made, self.n_now, self.most_at_once = threading.Event(), 0, 0, 0

    def __call__(self, serving, days, now):
        self.n_now += 1
        self.most_at_once = max(self.most_at_once, self.n_now)
        assert self.may_go_on.wait(10)
        self.n_now -= 1
        self.n_made += 1
        return SimpleNamespace(computed=now, days=days)


def serving(version):
    return SimpleNamespace(digest=f"d{version}", live=SimpleNamespace(version=version))


def test_findings_are_made_one_at_a_time_and_kept_for_a_minute():
    """Who asks for the same gets the same; another window, version or minute makes another."""
    finder = Finder()

    async def scenario():
        monitors = Monitors(finder)
        waiting = [
            asyncio.create_task(monitors.of(serving(version), days, MOMENT))
            for version, days in ((1, 7), (1, 7), (1, 30), (2, 7))
        ]
        await asyncio.sleep(0.05)
        waiting[0].cancel()  # somebody hangs up; the others get theirs nevertheless
        finder.may_go_on.set()
        found = await asyncio.gather(*waiting[1:])
        assert finder.n_made == 3
        assert finder.most_at_once == 1
        assert await monitors.of(serving(1), 7, MOMENT + timedelta(seconds=59)) is found[0]
        assert await monitors.of(serving(1), 7, MOMENT + timedelta(seconds=61)) is not found[0]
        assert await monitors.of(serving(1), 7, MOMENT - timedelta(days=1)) is not found[0]  # the clock was set back

    asyncio.run(scenario())


def test_a_failure_is_told_to_who_asked_and_not_kept():
    """The next one to ask makes it try again."""
    outcomes = [ValueError("disk"), SimpleNamespace(computed=MOMENT)]

    def find(serving, days, now):
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def scenario():
        monitors = Monitors(find)
        with pytest.raises(ValueError, match="disk"):
            await monitors.of(serving(1), 7, MOMENT)
        assert (await monitors.of(serving(1), 7, MOMENT)).computed == MOMENT

    asyncio.run(scenario())
