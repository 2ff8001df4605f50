"""The first page: every model at a glance."""

from __future__ import annotations

import shutil

import pytest

from models.registry.audit_settings import AuditSettings
from tests.conftest import open_store
from tests.service.pages.conftest import ASKS
from tests.service.pages.parsed import parsed


def glance(page, name):
    (found,) = [one for one in page.all("article") if one.one("h2").one("a").text == name]
    return found


def test_every_live_model_is_seen(browser):
    """With its domain, version, measures and a way to its page; the header leads there too."""
    page = parsed(browser.get("/"))
    assert [one.one("h2").text for one in page.all("article")] == [
        "ads ads",
        "chat chat",
        "credit credit",
        "digits digits",
        "forecast forecast",
        "fraud fraud",
    ]
    credit = glance(page, "credit")
    assert "v1, trained" in credit.text
    assert [tile.text for tile in credit.all("div", class_="tile")] == ["AUC 0.7500 0.5 is random, 1 perfect"]
    header = page.one("nav")
    names = ["ads", "chat", "credit", "digits", "forecast", "fraud"]
    assert [one["href"] for one in header.all("a")] == ["/", *(f"/models/{name}" for name in names), "/learn"]
    assert header.one("a", **{"aria-current": "page"}).text == "backscore"


def test_what_came_in_the_last_hour_is_told(browser, applicant):
    """Only questions for predictions count, and the page itself does not."""
    assert "no requests" in glance(parsed(browser.get("/")), "credit").text
    for _ in range(3):
        browser.post("/v1/credit/score", json=applicant)
    browser.get("/models/credit")
    text = glance(parsed(browser.get("/")), "credit").text
    assert "3 requests" in text
    assert "p50" in text
    assert "no requests" in glance(parsed(browser.get("/")), "ads").text


def test_audit_and_drift_are_told(start_service, watched, ask_yesterday):
    """How predictions are recorded, and the last drift result; the page does not compute it."""
    watched.registry.set_audit("ads", AuditSettings(level="async", sample=0.25), actor="tests", why="")
    client = start_service(watched.home.path).client
    client.headers.update(ASKS)
    page = parsed(client.get("/"))
    assert "async, 25.0 %" in glance(page, "ads").text.replace("\N{NO-BREAK SPACE}", " ")
    assert "durable, 100 %" in glance(page, "credit").text
    assert "not checked" in glance(page, "credit").text
    found = client.get("/v1/models/credit/monitor").json()
    assert found["sentence"] in glance(parsed(client.get("/")), "credit").text


def test_without_models_it_says_how_to_train_one(start_service, tmp_path):
    """A newcomer's first page."""
    open_store(tmp_path / "home").registry.close()
    page = parsed(start_service(tmp_path / "home").client.get("/", headers=ASKS))
    assert "backscore quickstart" in page.one("main").text
    assert page.all("article") == []


def test_a_model_that_does_not_answer_says_why(store, start_service):
    """A champion whose bundle is gone is shown, with the reason."""
    digest = store.registry.champion("ads").digest
    shutil.rmtree(store.home.bundles / digest)
    client = start_service(store.home.path).client
    ads = glance(parsed(client.get("/", headers=ASKS)), "ads")
    assert "No version is live" in ads.text
    assert client.get("/v1/models/ads").json()["refused"] in ads.text
    page = client.get("/models/ads", headers=ASKS)
    assert page.status_code == 200
    assert parsed(page).all("form", id="try-form") == []


@pytest.mark.parametrize("path", ["/models/nobody", "/models/nobody/monitor", "/models/credit/promote?version=9"])
def test_what_is_not_there_is_a_page_that_says_so(browser, path):
    """A person reads it; a program gets the problem."""
    page, problem = browser.get(path), browser.get(path, headers={"Accept": "application/json"})
    assert page.status_code == problem.status_code == 404
    assert problem.json()["detail"][1:] in parsed(page).one("main").text
    assert problem.json()["status"] == 404
