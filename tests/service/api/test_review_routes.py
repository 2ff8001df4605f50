"""The review queue over HTTP: alerts, verdicts, live rules and figures."""

from __future__ import annotations

import pytest

from data.simulators.fraud import TABLE

SUSPICIOUS = {
    "review_from": 0,
    "block_from": 1,
    "rules": [{"name": "large", "action": "review", "when": [{"column": "amount_eur", "above": 100}]}],
}


@pytest.fixture
def client(start_service, store):
    """A client of a service that reviews every transaction."""
    policy = store.registry.policies.add(
        name="fraud", domain="fraud", content=SUSPICIOUS, model_version=1, simulation={}, actor="tests", why=""
    )
    store.registry.policies.activate("fraud", policy.number, actor="tests", why="")
    return start_service(store.home.path, api_key="key").client


@pytest.fixture(autouse=True)
def with_key(client):
    client.headers["X-API-Key"] = "key"


def score(client, number, **changes):
    row = {**TABLE.example(), "transaction_id": number, "time": "2024-05-31T10:00:00", **changes}
    response = client.post("/v1/fraud/score", json=row)
    assert response.status_code == 200, response.text
    return response.json()


def say(client, number, verdict="cleared", **more):
    return client.post(f"/v1/fraud/alerts/{number}/verdict", json={"verdict": verdict, "by": "Ada", **more})


def test_alerts_are_worked_through(client):
    """Scored events open alerts, the worst first; a verdict closes one, and its card is left alone for a while."""
    answers = [score(client, n, customer_id=card, amount_eur=eur) for n, card, eur in ((1, "A", 20), (2, "B", 900))]

    listed = client.get("/v1/fraud/alerts").json()
    losses = sorted([answers[0]["fraud_probability"] * 20, answers[1]["fraud_probability"] * 900], reverse=True)
    assert listed["n_open"] == 2
    assert [alert["expected_loss"] for alert in listed["alerts"]] == pytest.approx(losses)
    shown = next(alert for alert in listed["alerts"] if alert["card"] == "A")
    assert shown["answer"] == answers[0]
    assert shown["answer"]["reasons"]
    assert [(event["id"], event["amount"], event["decision"]) for event in shown["recent"]] == [("1", 20, "review")]

    closed = say(client, shown["id"], note="a known customer").json()
    assert (closed["status"], closed["verdicts"][0]["note"]) == ("cleared", "a known customer")
    assert closed["recent"][0]["label"] == "genuine"
    assert client.get(f"/v1/fraud/alerts/{shown['id']}").json() == closed
    assert say(client, shown["id"]).json() == closed

    assert score(client, 3, customer_id="A")["decision"] == "allow"
    assert [alert["card"] for alert in client.get("/v1/fraud/alerts").json()["alerts"]] == ["B"]
    (again,) = client.get("/v1/fraud/alerts?status=cleared").json()["alerts"]
    assert (again["id"], [event["id"] for event in again["recent"]]) == (closed["id"], ["3", "1"])


def test_a_label_that_comes_by_another_way_is_shown(client):
    """What `labels` was told stands beside the card's events."""
    score(client, 1)
    client.post("/v1/fraud/labels", json={"labels": [{"id": "1", "fraud": True}]})

    assert client.get("/v1/fraud/alerts/1").json()["recent"][0]["label"] == "fraud"


def test_rules_are_shown_with_their_live_hits(client):
    """Each of the active policy's, in words, with what it hit; an event that is sent again counts once."""
    for number, eur in ((1, 20), (2, 900), (2, 900)):
        score(client, number, amount_eur=eur)

    found = client.get("/v1/fraud/rules").json()

    assert (found["policy_version"], found["label_delay_days"]) == (1, 7)
    (large,) = found["rules"]
    assert (large["rule"]["name"], large["n_today"], large["n_7_days"], large["n_kept"]) == ("large", 1, 1, 1)
    assert (large["n_matured"], large["n_frauds"]) == (0, 0)
    assert "above 100 EUR" in large["condition"]


def test_figures_wait_for_labels(client):
    """Of two events a month apart one has matured."""
    score(client, 1, time="2024-05-01T10:00:00")
    score(client, 2)

    found = client.get("/v1/fraud/figures?k=5").json()

    assert (found["n_days"], found["alerts_per_day"]) == (2, 1)
    assert (found["clock"]["naive"]["n_rows"], found["clock"]["matured"]["n_rows"], found["clock"]["k"]) == (2, 1, 5)
    assert client.get("/v1/fraud/figures?days=2").json()["n_days"] == 1


@pytest.mark.parametrize("path", ["alerts", "alerts/1", "rules", "figures"])
def test_a_model_without_a_queue_says_so(client, path):
    """Credit has no reviews; a model called lending does not exist."""
    response = client.get(f"/v1/credit/{path}")
    assert response.status_code == 404
    assert "'credit' has no review queue" in response.json()["detail"]
    assert "no live model 'lending'" in client.get(f"/v1/lending/{path}").json()["detail"]


def test_an_unknown_alert_is_not_found(client):
    """Neither shown nor decided."""
    for response in (client.get("/v1/fraud/alerts/7"), say(client, 7)):
        assert response.status_code == 404
        assert "'fraud' has no alert 7" in response.json()["detail"]


@pytest.mark.parametrize(
    ("path", "field", "words"),
    [
        ("alerts?limit=0", "?limit", "greater than or equal to 1"),
        ("alerts?limit=many", "?limit", "must be a valid integer"),
        ("alerts?status=done", "?status", "must be 'open', 'confirmed', 'cleared' or 'unsure'"),
        ("figures?days=-1", "?days", "greater than 0"),
    ],
)
def test_a_bad_parameter_is_named(client, path, field, words):
    """As a problem, like every other failure."""
    response = client.get(f"/v1/fraud/{path}")

    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    (error,) = response.json()["errors"]
    assert error["path"] == field
    assert words in error["message"]


@pytest.mark.parametrize(
    "body", [{"verdict": "fine", "by": "Ada"}, {"verdict": "cleared"}, {"verdict": "cleared", "by": " "}]
)
def test_a_verdict_that_is_none_changes_nothing(client, body):
    """It needs one of the three verdicts and a reviewer."""
    score(client, 1)

    assert client.post("/v1/fraud/alerts/1/verdict", json=body).status_code == 422
    assert client.get("/v1/fraud/alerts/1").json()["status"] == "open"


@pytest.mark.parametrize("path", ["alerts", "alerts/1", "rules", "figures"])
def test_the_queue_needs_the_key(client, path):
    """As all of /v1 does."""
    del client.headers["X-API-Key"]
    assert client.get(f"/v1/fraud/{path}").status_code == 401
    assert client.post("/v1/fraud/alerts/1/verdict", json={"verdict": "cleared", "by": "Ada"}).status_code == 401


def test_the_paths_are_documented_with_their_types_and_problems(client):
    """A database that is away is among them."""
    paths = client.get("/openapi.json").json()["paths"]

    listing = paths["/v1/{name}/alerts"]["get"]
    assert listing["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/Alerts")
    assert {"200", "401", "403", "404", "422", "429", "503", "504"} == listing["responses"].keys()
    verdict = paths["/v1/{name}/alerts/{number}/verdict"]["post"]
    assert {"200", "404", "422", "503"} <= verdict["responses"].keys()
    assert "verdict" in str(verdict["requestBody"])
