"""A model's page: its form is made from its table, checked as the API checks, and answered as the API answers."""

from __future__ import annotations

import json
import math
import shlex
from dataclasses import replace

import pytest

from data.sentences import percent
from models.domains._discovery import load_domains
from models.records.audit_log.log import PredictionLog
from service.live.served_model import ServedModel
from tests.service.pages.parsed import parsed, sent

FRAUD = load_domains()["fraud"].table


def try_out(browser, name, **changes):
    return sent(browser, f"/models/{name}", **changes)


def said_by_curl(page):
    """The address, headers and body of the command."""
    _, address, *options = shlex.split(page.one("pre", id="curl").text.replace("\\ ", ""))
    pairs = list(zip(options[::2], options[1::2], strict=True))
    return address, [value for name, value in pairs if name == "-H"], json.loads(dict(pairs)["-d"])


def error_at(page, name):
    """What stands at a field, as a screen reader would find it."""
    control = page.one("input", "select", "textarea", name=name)
    ids = control["aria-describedby"].split()
    return [one.text for id_ in ids for one in page.all("p", id=id_, class_="error")]


@pytest.mark.parametrize("domain", load_domains().values(), ids=lambda domain: domain.name)
def test_the_form_is_made_from_the_table_and_answered(browser, domain):
    """Every input has a labelled field with the table's example, and the filled-in form gets an answer."""
    page = parsed(browser.get(f"/models/{domain.name}"))
    table = domain.restrict_inputs(domain.table)
    labels = {one["for"]: one.text for one in page.all("label")}
    controls = page.one("form", id="try-form").all("input", "select", "textarea")
    shown = [one for one in controls if one.get("type") != "hidden"]
    names = {one["name"].rsplit("/", 1)[-1] for one in shown}
    assert {column.name for column in table.inputs} <= names
    assert len({one["id"] for one in shown}) == len(shown)
    for one in shown:
        assert labels[one["id"]]
        assert page.one("p", id=one["aria-describedby"]).text
    for column in table.inputs:
        label = next(labels[one["id"]] for one in shown if one["name"].endswith(f"/{column.name}"))
        assert ("protected" in label) == column.protected
        assert column.unit in label

    answered = try_out(browser, domain.name)
    assert answered.status_code == 200, answered.text
    assert parsed(answered).one("section", id="answer").text


@pytest.mark.parametrize("name", ["credit", "fraud"])
def test_the_answer_is_that_of_score(browser, name):
    """The same probability as the API gives to what the command beside it sends, and the same decision."""
    page = parsed(try_out(browser, name))
    address, headers, body = said_by_curl(page)
    assert (address, headers) == (f"http://127.0.0.1:8000/v1/{name}/score", ["Content-Type: application/json"])
    scored = browser.post(address, json=body).json()
    (tried,) = [
        record
        for record in PredictionLog(browser.app.state.predictions.engine).newest(name, 5)
        if record.action == "explain"
    ]
    own = json.loads(tried.answer)["answer"]
    fields = load_domains()[name].task.summary.field, "decision"
    assert [own[field] for field in fields] == [scored[field] for field in fields]
    assert page.one("span", class_="decision").text == scored["decision"]
    assert tried.id in page.one("section", id="answer").text


def test_credit_is_told_as_points_on_a_scale_and_a_sum(browser):
    """The marks stand where the policy cuts, and the bars add up to the points."""
    page = parsed(try_out(browser, "credit"))
    _, _, body = said_by_curl(page)
    scored = browser.post("/v1/credit/score?reasons=all", json=body).json()
    answer = page.one("section", id="answer")
    assert answer.one("h2").text == f"{scored['decision']} {scored['points']} points"
    bars = answer.one("table", class_="bars")
    amounts = [int(cell.text.replace("−", "-")) for cell in bars.all("td", class_="number")]
    assert scored["scorecard"]["base"] + sum(amounts) == scored["points"]
    assert [one.text for one in answer.one("ul").all("li")] == [reason["text"] for reason in scored["reasons"]]

    marks = [int(one.text) for one in answer.all("text", class_="mark")]
    odds = [0.70 / 0.30, 0.85 / 0.15]  # of a good outcome, at the policy's cut-offs
    assert marks == pytest.approx([600 + 20 * math.log2(good / 50) for good in odds], abs=0.51)


@pytest.mark.parametrize(("late", "zone"), [("0", "approve"), ("12", "decline")])
def test_the_value_stands_in_the_zone_of_its_decision(browser, late, zone):
    """Left of the cut-offs for those who are declined, right of them for those who are approved."""
    changes = {"/row/payments_late_12m": late, "/row/utilisation": "0.05", "/row/income_eur": "6000"}
    if zone == "decline":
        changes |= {"/row/income_eur": "900", "/row/utilisation": "1", "/row/checking_balance": "overdrawn"}
    answer = parsed(try_out(browser, "credit", **changes)).one("section", id="answer")
    value = float(answer.one("text", class_="value")["x"].rstrip("%"))
    tones = {"decline": "bad", "refer": "middle", "approve": "good"}
    decision = answer.one("span", class_="decision").text
    (bar,) = answer.one("svg", class_="scale").all("rect", class_=tones[decision])
    start, width = (float(bar[name].rstrip("%")) for name in ("x", "width"))
    assert decision == zone
    assert start <= value <= start + width + 0.01


@pytest.mark.parametrize("keep", [("explain",), ()], ids=["explained", "scored"])
def test_a_domain_without_view_and_form_has_a_page(browser, keep):
    """One input a column, sent to `explain` or, without it, to `score`; the view is made from the answer's fields."""
    models = browser.app.state.live_models
    served = models.served("credit")
    operations = tuple(one for one in served.live.domain.operations if one.name in keep)
    live = replace(served.live, domain=replace(served.live.domain, view=None, form=None, operations=operations))
    models.served_models = {**models.served_models, "credit": ServedModel.of(live, served.digest)}

    page = parsed(try_out(browser, "credit"))
    _, _, row = said_by_curl(page)
    scored = browser.post("/v1/credit/score?reasons=all", json=row).json()
    answer = page.one("section", id="answer")
    shown = f"Probability of default {percent(scored['probability_of_default'])}".replace("\N{NO-BREAK SPACE}", " ")
    assert answer.one("h2").text == f"{scored['decision']} {shown}"
    assert [one.text for one in answer.one("ul").all("li")] == [reason["text"] for reason in scored["reasons"]]
    assert [one.text for one in answer.all("text", class_="mark")] == ["15.0 %", "30.0 %"]
    assert ("Log-odds breakdown" in answer.text) == bool(keep)
    newest = browser.app.state.predictions.newest("credit", 2)
    (record,) = [one for one in newest if one.id != scored["prediction_id"]]
    assert (record.action, record.id in answer.text) == (keep[0] if keep else "score", True)

    prefix = "/row" if keep else ""
    refused = parsed(try_out(browser, "credit", **{f"{prefix}/income_eur": "much"}))
    assert error_at(refused, f"{prefix}/income_eur")


def test_trying_a_card_does_not_change_its_past(browser):
    """No event is stored and no alert opened; the card's stored events are shown."""
    card = {**FRAUD.example(), "transaction_id": "1", "time": "2024-05-01T10:00:00", "amount_eur": 12.5}
    assert browser.post("/v1/fraud/score", json=card).status_code == 200
    for _ in range(2):
        page = parsed(try_out(browser, "fraud"))
        events = page.one("section", id="answer").one("tbody").all("tr")
        assert [one.one("small").text for one in events] == ["1"]
        assert "12.50" in events[0].text
    assert browser.get("/v1/fraud/alerts").json()["n_open"] == 0


def test_ads_are_ranked_with_bars_of_their_value(browser):
    """In the order of the API, each bar as long as its value; another candidate is a button away."""
    page = parsed(browser.get("/models/ads"))
    form = page.form("/models/ads")
    more = parsed(browser.post("/models/ads", data={**form, "more": "1"}))
    assert len(more.all("legend")) == len(page.all("legend")) + 1
    less = parsed(browser.post("/models/ads", data={**form, "less": "1"}))
    assert len(less.all("legend")) == len(page.all("legend")) - 1
    assert less.all("section", id="answer") == []

    answered = parsed(browser.post("/models/ads", data={**form, "/candidates/1/bid": "9.5"}))
    address, _, body = said_by_curl(answered)
    ranked = browser.post(address, json=body).json()
    rows = answered.one("table", class_="bars").all("tr")
    assert [row.one("th").text.split()[1] for row in rows] == [ad["id"] for ad in ranked["ads"]]
    widths = [float(row.all("rect")[1]["width"].rstrip("%")) for row in rows]
    values = [ad["expected_value"] for ad in ranked["ads"]]
    assert widths == pytest.approx([100 * value / max(values) for value in values], abs=0.01)
    assert ranked["shown"] in answered.one("h2", id="answer-title").text


def test_wrong_values_are_told_at_their_fields(browser):
    """In the words of the API, with what was written still there; nothing is recorded."""
    before = len(browser.app.state.predictions.newest("credit", 100))
    wrong = {
        "/row/income_eur": "12",
        "/row/duration_months": "a year",
        "/row/payments_late_12m": "1.5",
        "/row/amount_eur": "",
    }
    answered = try_out(browser, "credit", **wrong)
    page = parsed(answered)
    _, _, body = said_by_curl(page)
    told = {error["path"]: error["message"] for error in browser.post("/v1/credit/score", json=body).json()["errors"]}
    assert answered.status_code == 422
    assert set(told) == {name.removeprefix("/row") for name in wrong}
    for name, text in wrong.items():
        (error,) = error_at(page, name)
        assert error == f"{told[name.removeprefix('/row')].capitalize()[:1]}{told[name.removeprefix('/row')][1:]}."
        assert (page.one("input", name=name).get("value") or "") == text
        assert page.one("input", name=name)["aria-invalid"] == "true"
    summary = page.one("section", role="alert")
    assert [link["href"] for link in summary.all("a")] == [
        f"#{page.one('input', name=name)['id']}"
        for name in ("/row/income_eur", "/row/amount_eur", "/row/duration_months", "/row/payments_late_12m")
    ]
    assert error_at(page, "/row/utilisation") == []
    assert len(browser.app.state.predictions.newest("credit", 100)) == before


def test_a_wrong_candidate_is_told_at_its_field(browser):
    """Also what the domain refuses: two ads of the same id."""
    page = parsed(try_out(browser, "ads", **{"/candidates/1/id": "ad-1", "/candidates/2/bid": "1"}))
    assert "Duplicates the ID" in error_at(page, "/candidates/1/id")[0]
    page = parsed(try_out(browser, "ads", **{"/candidates/2/bid": "-1"}))
    assert error_at(page, "/candidates/2/bid")


def test_a_time_that_cannot_be_is_told_at_its_field(browser):
    """What the event log refuses stands at the field too."""
    page = parsed(try_out(browser, "fraud", **{"/row/time": "2031-01-01T00:00"}))
    assert "a day from now" in error_at(page, "/row/time")[0]
    assert "date or time" in error_at(parsed(try_out(browser, "fraud", **{"/row/time": "soon"})), "/row/time")[0]


def test_what_is_written_is_never_read_as_markup(browser):
    """Wherever it is shown again."""
    evil = "\"><script>alert(1)</script>'"
    answered = try_out(browser, "fraud", **{"/row/customer_id": evil, "/row/time": evil})
    assert "<script>alert" not in answered.text
    assert parsed(answered).one("input", name="/row/customer_id")["value"] == evil
    answered = try_out(browser, "fraud", **{"/row/customer_id": evil})
    assert answered.status_code == 200
    assert said_by_curl(parsed(answered))[2]["customer_id"] == evil


def test_the_command_takes_the_key_from_a_variable(open_browser):
    """The key itself stands nowhere on the page."""
    browser = open_browser("correct-horse", api_key="correct-horse")
    answered = try_out(browser, "credit")
    assert "X-API-Key: $BACKSCORE_KEY" in parsed(answered).one("pre", id="curl").text
    assert "correct-horse" not in answered.text


def test_who_may_not_score_sees_why(open_browser, make_key):
    """The button is off, and the scope is named."""
    page = parsed(open_browser(make_key("desk", "outcomes")).get("/models/credit"))
    assert page.one("form", id="try-form").one("button", class_="primary").get("disabled") is not None
    assert "needs a key with the scope score" in page.one("form", id="try-form").text
