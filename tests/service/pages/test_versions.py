"""The versions on a model's page, and the pages that change which one answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.domains._discovery import load_domains
from tests.conftest import quick_scorer
from tests.service.pages.parsed import parsed, sent


def rows(page):
    """The table of versions, the newest first."""
    return page.one("div", **{"aria-labelledby": "versions"}).one("tbody").all("tr")


def test_versions_stand_side_by_side(browser):
    """With measures, documents that can be opened, and what can be done."""
    newest, champion = rows(parsed(browser.get("/models/credit")))
    assert champion.one("th").text.startswith("1 champion")
    assert newest.one("th").text.endswith("UTC, tests")
    assert "0.7500" in newest.text
    links = {link.text.split()[0]: link["href"] for row in (newest, champion) for link in row.all("a")}
    assert set(links) == {"Report", "Card", "Promote", "Roll"}
    assert browser.get(newest.all("a")[0]["href"]).text == "<!doctype html>"
    assert links["Promote"] == "/models/credit/promote?version=2"


def test_a_version_is_promoted_and_rolled_back_with_a_reason(browser, store, applicant):
    """Call on a page of its own; the next answer comes from the other version, and the history names why."""
    promoted = sent(browser, "/models/credit/promote?version=2", "/models/credit/promote", why="newer rows")
    assert (promoted.status_code, promoted.url.path) == (200, "/models/credit")
    assert "Version 2 is live" in parsed(promoted).one("p", role="status").text
    assert browser.post("/v1/credit/score", json=applicant).json()["version"] == 2
    event = store.registry.history("credit")[-1]
    assert (event.action, event.to_version, event.why) == ("promote", 2, "newer rows")
    assert "newer rows" in parsed(promoted).one("ol", class_="history").all("li")[0].text

    back = sent(browser, "/models/credit/rollback", why="complaints")
    assert browser.post("/v1/credit/score", json=applicant).json()["version"] == 1
    assert "rollback version 1, before 2" in parsed(back).one("ol", class_="history").all("li")[0].text


@pytest.mark.parametrize("page", ["/models/credit/promote?version=2", "/models/credit/rollback"])
def test_without_a_reason_nothing_changes(browser, store, page):
    """The page is shown again and requests it."""
    before = store.registry.history("credit")
    answered = sent(browser, page, page.split("?")[0], why="  ")
    assert answered.status_code == 422
    assert "Enter a reason" in parsed(answered).one("p", id="why-error").text
    assert store.registry.history("credit") == before


def test_what_cannot_be_done_is_a_page_that_says_why(browser):
    """The first version has nothing before it."""
    answered = sent(browser, "/models/credit/rollback", why="x")
    program = browser.post("/v1/models/credit/rollback", json={"why": "x"}, headers={"Accept": "*/*"})
    assert answered.status_code == program.status_code == 409
    assert program.json()["detail"][1:] in parsed(answered).one("main").text


def test_a_rollback_to_a_damaged_version_is_a_page_that_says_why(browser, store):
    """What answers does not change."""
    sent(browser, "/models/credit/promote?version=2", "/models/credit/promote", why="newer rows")
    (store.home.bundles / store.registry.version("credit", 1).digest / "state.json").write_bytes(b"")

    answered = sent(browser, "/models/credit/rollback", why="complaints")

    assert answered.status_code == 409
    assert "state.json was altered" in parsed(answered).one("main").text
    assert store.registry.champion("credit").number == 2


def test_the_history_names_the_key(open_browser, make_key, store):
    """As it does for a program."""
    browser = open_browser(make_key("ops", "admin"))
    sent(browser, "/models/credit/promote?version=2", "/models/credit/promote", why="better")
    assert store.registry.history("credit")[-1].actor == "key ops"


def test_who_may_not_change_is_not_offered_it(open_browser, make_key):
    """The scope is named, and the page of the change has its button off."""
    browser = open_browser(make_key("caller", "score"))
    page = parsed(browser.get("/models/credit"))
    assert {link.text.split()[0] for row in rows(page) for link in row.all("a")} == {"Report", "Card"}
    assert "need a key with the scope admin" in page.text
    confirm = parsed(browser.get("/models/credit/promote?version=2"))
    assert confirm.one("button", class_="primary").get("disabled") is not None


@pytest.mark.parametrize("number", ["0", "9", "x", "-1", "2 or 1", "9" * 5_000, "²"])
def test_a_version_that_is_none_is_not_promoted(browser, store, number):
    """Neither the page nor the form takes it."""
    assert browser.get("/models/credit/promote", params={"version": number}).status_code == 404
    form = parsed(browser.get("/models/credit/promote?version=2")).form("/models/credit/promote")
    answered = browser.post("/models/credit/promote", data={**form, "version": number, "why": "x"})
    assert answered.status_code in (404, 422)
    assert store.registry.champion("credit").number == 1


def test_a_version_that_takes_other_requests_is_promoted_once_that_is_ticked(browser, store):
    """The page says which fields, keeps the reason, and asks."""
    credit = load_domains()["credit"]
    capped = replace(credit, table=credit.table.with_columns({"income_eur": {"maximum": 1e6}}))
    store.add(credit, quick_scorer(capped, seed=0), promote=False)

    refused = sent(browser, "/models/credit/promote?version=3", "/models/credit/promote", why="newer rows")

    page = parsed(refused)
    assert refused.status_code == 409
    assert [item.text for item in page.one("main").all("li")] == ["column income_eur takes other values"]
    assert store.registry.champion("credit").number == 1
    form = page.form("/models/credit/promote")
    assert (form["why"], form["version"]) == ("newer rows", "3")
    promoted = browser.post("/models/credit/promote", data={**form, "allow_request_change": "on"})
    assert (promoted.status_code, promoted.url.path) == (200, "/models/credit")
    assert store.registry.champion("credit").number == 3
