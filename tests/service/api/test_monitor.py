"""GET /v1/models/{name}/monitor: whether the rows that are answered are still like those of the training."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.monitoring.drift.results import Monitor
from tests.conftest import MOMENT

PATH = "/v1/models/credit/monitor"


@pytest.fixture
def client(start_service, watched):
    return start_service(watched.home.path).client


def test_rows_like_those_of_the_training_are_ok(client, ask_yesterday):
    """The answer fits its type and has every input."""
    ask_yesterday(client, 1_000, now=MOMENT)
    response = client.get(PATH)
    found = Monitor.model_validate(response.json())
    assert (found.model, found.version, found.state, found.n_recent) == ("credit", 3, "ok", 1_000)
    assert (found.computed, found.since) == (MOMENT, MOMENT - timedelta(days=7))
    inputs = {column.name for column in client.app.state.live_models.served("credit").live.table.inputs}
    assert {one.column for one in (*found.columns, *found.not_compared)} == inputs


def test_a_shift_is_an_alarm(client, ask_yesterday):
    """Everybody has the same high income; it is said so in words."""
    ask_yesterday(client, 1_000, now=MOMENT, income_eur=9_000)
    found = client.get(PATH).json()
    assert found["state"] == "alarm"
    assert found["columns"][0]["column"] == "income_eur"
    assert all(one["state"] == "ok" for one in found["columns"][1:])
    assert found["columns"][0]["sentence"].startswith("Net household income per month: higher, median")


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
    """The message says so and what to do; an unknown model is not found."""
    client = start_service(store.home.path).client
    answer = client.get(PATH)
    assert answer.status_code == 409
    assert "version 1 of 'credit' has no drift reference" in answer.json()["detail"]
    assert client.get("/v1/models/nothing/monitor").status_code == 404


def test_the_document_describes_it(client):
    """With the type of the answer, and every problem that it may end in."""
    operation = client.get("/openapi.json").json()["paths"]["/v1/models/{name}/monitor"]["get"]
    assert operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/Monitor")
    assert {"200", "404", "409", "422", "503"} <= set(operation["responses"])
