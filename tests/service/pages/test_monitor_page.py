"""The monitor of a model, and its alerts."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from data.simulators.fraud import TABLE
from models.records.audit_log.record import milliseconds
from models.registry.database.schema import predictions
from tests.conftest import MOMENT
from tests.service.api.test_review_routes import SUSPICIOUS
from tests.service.pages.conftest import ASKS
from tests.service.pages.parsed import parsed, sent


def spread(client, days_ago):
    """Date each request in the log so many days back."""
    with client.app.state.predictions.engine.begin() as connection:
        ids = connection.execute(sa.select(predictions.c.id).order_by(predictions.c.at)).scalars().all()
        for one, days in zip(ids, days_ago, strict=True):
            at = milliseconds(MOMENT - timedelta(days=days))
            connection.execute(predictions.update().where(predictions.c.id == one).values(at=at))


@pytest.fixture
def reviewing(store):
    """A home in which every transaction is reviewed."""
    policy = store.registry.policies.add(
        name="fraud", domain="fraud", content=SUSPICIOUS, model_version=1, simulation={}, actor="tests", why=""
    )
    store.registry.policies.activate("fraud", policy.number, actor="tests", why="")
    return store


def suspect(client, number, card, **headers):
    row = {**TABLE.example(), "transaction_id": number, "customer_id": card, "time": "2024-05-31T10:00:00"}
    assert client.post("/v1/fraud/score", json=row, headers=headers).status_code == 200


def test_drift_is_told_as_the_api_tells_it(start_service, watched, ask_yesterday):
    """Column by column with both histograms, whose shares are those of the counts."""
    client = start_service(watched.home.path).client
    client.headers.update(ASKS)
    ask_yesterday(client, 400, now=MOMENT, income_eur=9_000.0)
    page = parsed(client.get("/models/credit/monitor"))
    found = client.get("/v1/models/credit/monitor").json()
    assert found["sentence"] in page.text
    rows = page.one("div", **{"aria-labelledby": "columns"}).one("tbody").all("tr")
    assert [row.one("th").one("small").text for row in rows] == [column["column"] for column in found["columns"]]
    assert rows[0].one("span", class_="badge").text == "drift"
    bars = page.one("section", **{"aria-labelledby": "score"}).one("table").all("tr")
    widths = [float(bar.one("rect", class_="recent")["width"].rstrip("%")) for bar in bars]
    shares = [one["n_recent"] / found["score"]["n_recent"] for one in found["score"]["bins"]]
    of_training = [one["n_reference"] / found["score"]["n_reference"] for one in found["score"]["bins"]]
    most = max(*shares, *of_training)
    assert widths == pytest.approx([100 * share / most for share in shares], abs=0.01)


@pytest.mark.parametrize("days", ["1", "30", "7", "x", "-3", ""])
def test_the_window_is_one_of_those_offered(browser, days):
    """Anything else is the usual one."""
    page = parsed(browser.get(f"/models/credit/monitor?days={days}"))
    chosen = page.one("p", class_="windows").one("b").text
    assert chosen == {"1": "24 hours", "30": "30 days"}.get(days, "7 days")


def test_an_old_bundle_says_that_it_has_no_reference(browser):
    """The rest of the page is there."""
    page = parsed(browser.get("/models/credit/monitor"))
    problem = browser.get("/v1/models/credit/monitor").json()
    assert problem["status"] == 409
    assert problem["detail"][1:] in page.text
    assert page.one("h2", id="performance")


def test_measured_stands_beside_expected(start_service, store, ask_yesterday):
    """Of matured predictions, as in the API."""
    client = start_service(store.home.path).client
    client.headers.update(ASKS)
    ask_yesterday(client, 300, now=MOMENT)
    spread(client, [40])
    batch = client.app.state.predictions.newest("credit", 10)[0]
    ids = [one["prediction_id"] for one in json.loads(batch.answer)]
    told = [{"prediction_id": one, "outcome": i % 5 == 0} for i, one in enumerate(ids[:100])]
    for start in range(0, len(told), 50):
        assert client.post("/v1/outcomes", json={"outcomes": told[start : start + 50]}).json()["n_new"] == 50

    total = client.get("/v1/models/credit/performance").json()["total"]
    page = parsed(client.get("/models/credit/monitor"))
    measured, expected = page.one("div", **{"aria-labelledby": "performance"}).one("tbody").all("tr")
    assert total["n_known"] == 100
    for row, figures in ((measured, total["realised"]), (expected, total["expected"])):
        auc, log_loss = (cell.text.split()[0] for cell in row.all("td", class_="number")[:2])
        assert float(auc) == pytest.approx(figures["auc"]["value"], abs=6e-4)
        assert float(log_loss) == pytest.approx(figures["log_loss"]["value"], abs=6e-4)


def test_weeks_are_drawn_with_the_numbers_of_their_table(start_service, store, ask_yesterday):
    """Plotly is loaded where there is a chart, and nowhere else; it finds nothing to write into the page itself."""
    client = start_service(store.home.path).client
    client.headers.update(ASKS)
    ask_yesterday(client, 1_000, now=MOMENT)
    assert "plotly" not in client.get("/models/credit/monitor").text

    spread(client, [5, 12])
    page = parsed(client.get("/models/credit/monitor"))
    weeks = client.get("/v1/models/credit/performance").json()["by_week"]
    auc, log_loss = (json.loads(one["data-chart"]) for one in page.all("div", class_="chart"))
    for chart, key in ((auc, "auc"), (log_loss, "log_loss")):
        expected, measured = chart["data"]
        assert expected["x"] == [week["since"] for week in weeks]
        assert expected["y"] == [week["expected"][key]["value"] for week in weeks]
        assert measured["y"] == []  # none has matured
        ends = zip(expected["y"], expected["error_y"]["arrayminus"], expected["error_y"]["array"], strict=True)
        of_api = [[week["expected"][key][end] for end in ("low", "high")] for week in weeks]
        assert [[y - below, y + above] for y, below, above in ends] == [pytest.approx(pair) for pair in of_api]
    (script,) = [one["src"] for one in page.all("script") if "plotly" in one["src"]]
    served = client.get(script)
    assert served.headers["cache-control"].endswith("immutable")
    assert page.one("link", id="plotly.js-style-global")["class"] == "no-inline-styles"
    guards = set(re.findall(r'getElementById\("([0-9a-f]{64})"\)', served.text))
    assert guards == {one["id"] for one in page.all("meta") if one.get("id")}


def test_alerts_are_worked_through(start_service, reviewing):
    """Each has its reasons and its card's events; a verdict closes it, under the name that was given."""
    client = start_service(reviewing.home.path).client
    client.headers.update(ASKS)
    for number, card in ((1, "A"), (2, "B")):
        suspect(client, number, card)
    listed = client.get("/v1/fraud/alerts").json()["alerts"]
    page = parsed(client.get("/models/fraud/monitor"))
    assert page.one("h2", id="alerts").text == "Alerts 2 open"
    shown = page.all("article", class_="alert")
    assert [one.one("h3").text.split(":")[0] for one in shown] == [f"Card {alert['card']}" for alert in listed]
    for one, alert in zip(shown, listed, strict=True):
        assert [reason.text for reason in one.all("li")] == [reason["text"] for reason in alert["answer"]["reasons"]]
        assert [button["value"] for button in one.all("button")] == ["confirmed", "cleared", "unsure"]

    path = f"/models/fraud/alerts/{listed[0]['id']}/verdict"
    closed = sent(client, "/models/fraud/monitor", path, by="Ada", note="at home", verdict="cleared")
    assert closed.url.path == "/models/fraud/monitor"
    assert parsed(closed).one("h2", id="alerts").text == "Alerts 1 open"
    verdict = client.get(f"/v1/fraud/alerts/{listed[0]['id']}").json()["verdicts"][0]
    assert (verdict["verdict"], verdict["by"], verdict["note"]) == ("cleared", "Ada", "at home")

    path = f"/models/fraud/alerts/{listed[1]['id']}/verdict"
    refused = sent(client, "/models/fraud/monitor", path, by="Ada", verdict="perhaps")
    assert refused.status_code == 422
    assert client.get("/v1/fraud/alerts").json()["n_open"] == 1


def test_the_name_of_the_key_is_filled_in(open_browser, make_key, reviewing):
    """As who gives the verdict; who may give none has no buttons."""
    browser = open_browser(make_key("ada", "outcomes", "score"))
    token = parsed(browser.get("/")).form("/logout")["csrf_token"]
    suspect(browser, 1, "A", **{"X-CSRF-Token": token})
    assert parsed(browser.get("/models/fraud/monitor")).one("input", name="by")["value"] == "ada"


def test_a_model_without_a_queue_has_no_alerts(browser):
    """Nor a place for them."""
    assert parsed(browser.get("/models/credit/monitor")).all("h2", id="alerts") == []
    refused = browser.post("/models/credit/alerts/1/verdict", data={"csrf_token": ""})
    assert refused.status_code == 403
    token = parsed(browser.get("/models/credit")).form("/models/credit")["csrf_token"]
    body = {"csrf_token": token, "verdict": "cleared", "by": "Ada"}
    assert browser.post("/models/credit/alerts/1/verdict", data=body).status_code == 404
