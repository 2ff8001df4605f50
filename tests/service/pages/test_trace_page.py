"""/models/{name}/trace: the API's numbers as a page."""

import re

import pytest

from tests.service.pages.parsed import parsed


@pytest.mark.parametrize("name", ["ads", "credit", "fraud"])
def test_the_example_is_traced_if_nothing_is_named(browser, name):
    """With the API's probability, a square for each number, and the weights with the largest gradients."""
    page = parsed(browser.get(f"/models/{name}/trace"))
    row = browser.app.state.live_models.served(name).example()
    told = browser.post(f"/v1/{name}/trace", json={"row": row}).json()
    assert f"{told['probability']:.5g}" in page.one("main").text
    n_numbers = len(told["inputs"]) + sum(len(layer["outputs"]) for layer in told["layers"])
    assert len(page.all("rect")) == n_numbers
    for layer in told["layers"]:
        for weight in layer["weights"]:
            assert f"{weight['difference_quotient']:.5g}" in page.one("main").text


def test_what_was_tried_out_leads_to_its_numbers(browser):
    """By the id of the answer, whichever outcome and step are looked at."""
    fields = parsed(browser.get("/models/credit")).form("/models/credit")
    answered = browser.post("/models/credit", data=fields).text
    (address,) = re.findall(r'href="(/models/credit/trace\?prediction_id=[^"]+)"', answered)
    shown = browser.get(f"{address}&outcome=0&learning_rate=0.1")
    assert shown.status_code == 200
    assert "Loss for outcome 0" in shown.text
    assert "W - 0.1 × dL/dW" in shown.text


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("prediction_id=nothing", "prediction_id", "no recorded row"),
        ("learning_rate=much", "learning_rate", "must be a valid number"),
        ("learning_rate=0", "learning_rate", "greater than 0"),
        ("member=999", "member", "must be less than"),
        pytest.param("learning_rate=" + '{"a":' * 5_000, "learning_rate", "must be", id="nested objects"),
        pytest.param("member=" + "9" * 5_000, "member", "maximum size", id="digits"),
        ("learning_rate=Infinity", "learning_rate", "must be"),
        ("learning_rate=1e999", "learning_rate", "must be"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(browser, query, field, message):
    """And what was typed in stays."""
    answer = browser.get(f"/models/credit/trace?{query}")
    assert answer.status_code == 422
    page = parsed(answer)
    assert message in page.one("p", id=f"{field}-error").text
    assert page.one("input", id=f"trace-{field}")["value"] == query.split("=")[1]


def test_a_model_that_is_not_there_is_not_found(browser):
    assert browser.get("/models/nothing/trace").status_code == 404


@pytest.mark.parametrize("text", ["[" * 20_000, '{"a":' * 5_000, "[[", "x"], ids=["nested", "objects", "short", "text"])
def test_an_outcome_is_one_of_two(browser, text):
    """However deeply it is nested."""
    answer = browser.get(f"/models/credit/trace?outcome={text}")
    assert answer.status_code == 422
    assert "must be a valid integer" in parsed(answer).one("main").text
