"""GET /v1/models/{name}/monitor: whether the rows that are answered are still like those of the training."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from models.monitoring.drift.monitor import monitor
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


@pytest.fixture
def held_up(monkeypatch):
    """Reports on drift wait until the test lets them go; gives the periods that were computed, too."""
    may_go_on, periods = threading.Event(), []

    def slow(*arguments, days, **options):
        periods.append(days)
        assert may_go_on.wait(60)
        return monitor(*arguments, days=days, **options)

    monkeypatch.setattr("service.api.drift.monitor", slow)
    yield may_go_on, periods
    may_go_on.set()


def test_close_periods_share_a_report_and_only_so_many_wait(client, held_up, monkeypatch, eventually):
    """Beyond that there is a 503 with Retry-After at once, and what is computed already is still answered."""
    monkeypatch.setattr("service.runtime.cached_reports.MAX_WAITING", 2)
    may_go_on, periods = held_up
    asked = ["1.000", "1.001", "0.999", "2", "3", "3.001"]
    under_way = client.app.state.cached_reports._under_way
    with ThreadPoolExecutor(len(asked)) as pool:
        waiting = [pool.submit(client.get, PATH, params={"days": days}) for days in asked]
        eventually(lambda: sum(one.n_requests for one in under_way.values()) == len(asked))
        refused = client.get(PATH, params={"days": "4"})
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:backscore:overloaded")
        assert int(refused.headers["retry-after"]) > 0
        may_go_on.set()
        answers = [one.result() for one in waiting]
    assert {answer.status_code for answer in answers} == {200}
    assert [answer.json()["settings"]["days"] for answer in answers] == [1, 1, 1, 2, 3, 3]
    assert sorted(periods) == [1, 2, 3]
    assert client.get(PATH, params={"days": "1.0004"}).status_code == 200
    assert sorted(periods) == [1, 2, 3]


def test_a_report_whose_client_left_is_not_computed(start_service, watched, held_up, eventually):
    """A connection that closes, and one that gets a 504, give their place free."""
    may_go_on, periods = held_up
    client = start_service(watched.home.path, request_seconds=0.5).client
    under_way = client.app.state.cached_reports._under_way
    assert client.get(PATH, params={"days": 1}).status_code == 504  # this one had begun, and goes on
    assert client.get(PATH, params={"days": 2}).status_code == 504
    eventually(lambda: len(under_way) == 1)
    may_go_on.set()
    eventually(lambda: not under_way)
    assert periods == [1]


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


def test_few_rows_in_another_unit_are_watched(client, ask_yesterday):
    """With share and limit in words and as numbers, beside rows that are as ever."""
    ask_yesterday(client, 980, now=MOMENT)
    ask_yesterday(client, 20, now=MOMENT, income_eur=39_000)
    found = client.get(PATH).json()
    income = found["columns"][0]
    assert (found["state"], income["column"], income["state"]) == ("watch", "income_eur", "watch")
    told = next(one for one in income["outside"] if one["state"] == "watch")
    assert (told["kind"], told["is_extreme"], told["typical"]) == ("above", True, 39_000)
    assert told["share"] == {"reference": 0, "recent": 0.02}
    assert f"2 % of values above {told['limit']:,.6g} (the highest in training)" in income["sentence"]
