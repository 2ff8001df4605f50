"""Whatever is wrong with a request is answered with a problem that names it, never with a crash."""

import json
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.domains._discovery import load_domains
from models.domains.ads.request import rank_example

JSON = {"content-type": "application/json"}
RANK = rank_example(load_domains()["ads"].table)


def problem(response, status):
    """The problem of a response, whose form is checked."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    found = response.json()
    assert found["status"] == status
    assert {"type", "title", "detail"} <= found.keys()
    assert found["request_id"] == response.headers["x-request-id"]
    return found


def score(client, body, **options):
    return client.post("/v1/credit/score", content=json.dumps(body), headers=JSON, **options)


def only_error(response):
    (error,) = problem(response, 422)["errors"]
    return error


def test_an_unknown_field_is_named(client, applicant):
    """A misspelled field is refused with its place and the spelling that was probably meant."""
    error = only_error(score(client, {**applicant, "amuont_eur": 7}))

    assert error["path"] == "/amuont_eur"
    assert error["value"] == 7
    assert "did you mean 'amount_eur'" in error["message"]


@pytest.mark.parametrize(
    ("field", "why"),
    [
        ("age", "age is protected, not an input of this model"),
        ("defaulted", "defaulted is the target of this model, not an input"),
    ],
)
def test_a_known_field_that_is_no_input_says_why(client, applicant, field, why):
    """Protected columns and the target are refused for what they are."""
    assert only_error(score(client, {**applicant, field: 1})) == {"path": f"/{field}", "message": why, "value": 1}


def test_a_missing_field_is_named(client, applicant):
    """A field that the model needs is asked for, with what it must be."""
    error = only_error(score(client, {name: value for name, value in applicant.items() if name != "amount_eur"}))

    assert error["path"] == "/amount_eur"
    assert error["message"].startswith("is missing; it must be a number from 500")
    assert error["value"] is None


@pytest.mark.parametrize(
    ("value", "echo"),
    [
        ("2450", "2450"),
        (True, True),
        (None, None),
        ([1, 2], "a list of 2"),
        ({"a": 1}, "an object of 1"),
        (399.99, 399.99),
        (1e9, 1e9),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (float("-inf"), "-inf"),
        (10**400, "an integer of 1329 bits"),
        ("9" * 101, "9" * 97 + "..."),
    ],
    ids=repr,
)
def test_a_value_that_breaks_the_rule_is_echoed(client, applicant, value, echo):
    """Wrong types, NaN, infinities and values out of range name the place, the value and what is allowed."""
    error = only_error(score(client, {**applicant, "income_eur": value}))

    assert error == {"path": "/income_eur", "message": "must be a number from 400 to 40000", "value": echo}


def test_every_bad_value_is_listed(client, applicant):
    """Two mistakes are two errors, so that both can be mended at once."""
    found = problem(score(client, {**applicant, "income_eur": -1, "extra": 0}), 422)

    assert {error["path"] for error in found["errors"]} == {"/income_eur", "/extra"}
    assert found["type"] == "urn:backscore:invalid-request"


def test_an_unseen_category_is_answered_and_flagged(client, applicant):
    """A level that training never saw is no error: the answer comes with a warning."""
    response = score(client, {**applicant, "purpose": "submarine"})

    assert response.status_code == 200
    (warning,) = response.json()["warnings"]
    assert warning.startswith("purpose: 'submarine'")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"income_eur": }',
        b"\xff\xfe\x00",
        b'{"purpose": "\xc3\x28"}',
        b'"\\ud800"',
        b"[" * 10_000,
        b"{} {}",
    ],
    ids=repr,
)
def test_what_is_no_json_is_a_bad_request(client, body):
    """Broken JSON, invalid UTF-8 and nesting without end are told apart from JSON with bad values."""
    found = problem(client.post("/v1/credit/score", content=body, headers=JSON), 400)

    assert found["type"] == "urn:backscore:invalid-json"
    assert "line 1 column" in found["detail"]


@pytest.mark.parametrize("body", [[], None, 3, "row"], ids=repr)
def test_json_that_is_no_object_is_invalid(client, body):
    """A row is an object."""
    assert only_error(score(client, body))["path"] == ""


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_limit_is_refused(client, announced):
    """A body that is too large is refused whether or not its size was announced."""
    body = b" " * 50_001
    content = body if announced else iter([body[:30_000], body[30_000:]])

    found = problem(client.post("/v1/credit/score", content=content, headers=JSON), 413)

    assert "50,000 bytes" in found["detail"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "text/csv", ""])
def test_another_content_type_is_refused(client, applicant, kind):
    """Only JSON is scored; in particular a web form of another site cannot reach the service."""
    body = json.dumps(applicant)

    found = problem(client.post("/v1/credit/score", content=body, headers={"content-type": kind}), 415)

    assert "application/json" in found["detail"]


def test_a_charset_beside_the_content_type_is_fine(client, applicant):
    """Parameters of the content type do not matter."""
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    assert client.post("/v1/credit/score", content=json.dumps(applicant), headers=headers).status_code == 200


def test_an_unknown_model_lists_the_live_ones(client, applicant):
    """An unknown name is answered with the known ones."""
    found = problem(client.post("/v1/lending/score", json=applicant), 404)
    assert found["detail"] == "no live model 'lending'; live: ads, chat, credit, digits, forecast, fraud"


def test_an_unknown_operation_lists_the_known_ones(client):
    """Ranking is for ads only."""
    found = problem(client.post("/v1/credit/rank", json=RANK), 404)
    assert (
        found["detail"]
        == "model 'credit' has no operation 'rank'; available: score, batch, explain, trace, counterfactuals"
    )


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", "/v1/credit/score", "POST"), ("PUT", "/v1/credit/batch", "POST"), ("POST", "/v1/models/credit", "GET")],
)
def test_another_method_is_refused(client, method, path, allowed):
    """A wrong method is distinguished from a wrong path."""
    response = client.request(method, path)

    problem(response, 405)
    assert response.headers["allow"] == allowed


def test_an_unknown_path_is_a_problem_too(client):
    """An unknown path is answered in the same form."""
    assert problem(client.get("/v3"), 404)["type"] == "about:blank"


def test_reasons_other_than_the_three_are_refused(client, applicant):
    """The query is checked like the body."""
    error = only_error(score(client, applicant, params={"reasons": "some"}))
    assert error == {"path": "?reasons", "message": "must be one of adverse, all, none", "value": "some"}


@pytest.mark.parametrize("n_candidates", [0, 201])
def test_too_few_or_too_many_candidates_are_refused(client, n_candidates):
    """Between one and 200 ads are ranked."""
    body = {**RANK, "candidates": RANK["candidates"][:1] * n_candidates}
    assert only_error(client.post("/v1/ads/rank", json=body))["path"] == "/candidates"


def test_a_bad_value_inside_a_candidate_has_its_full_path(client):
    """Nested values are named by their JSON pointer."""
    good, other = RANK["candidates"]
    body = {**RANK, "candidates": [good, {**other, "bid": -1}]}
    assert only_error(client.post("/v1/ads/rank", json=body))["path"] == "/candidates/1/bid"


def test_a_path_escapes_what_a_json_pointer_must(client, applicant):
    """RFC 6901: ~ and / in a name are written ~0 and ~1."""
    assert only_error(score(client, {**applicant, "a/b~c": 1}))["path"] == "/a~1b~0c"


def test_of_very_many_errors_the_first_hundred_are_listed(client, applicant):
    """A hostile body does not get a hostile answer."""
    found = problem(score(client, {**applicant, **{f"x{i}": i for i in range(300)}}), 422)

    assert len(found["errors"]) == 100
    assert "300 values" in found["detail"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150)
@given(data=st.data())
def test_no_body_makes_the_service_fail(client, data):
    """Any JSON in place of any field of any endpoint is answered or refused, never a failure of the service."""
    path, example = data.draw(
        st.sampled_from(
            [
                *((f"/v1/{name}/score", d.restrict_inputs(d.table).example()) for name, d in load_domains().items()),
                ("/v1/ads/rank", RANK),
                ("/v1/credit/batch", {"rows": [load_domains()["credit"].table.example()]}),
                ("/v1/models/credit/promote", {"version": 99, "why": ""}),
            ]
        )
    )
    changes = data.draw(st.dictionaries(st.sampled_from([*example, "unknown"]), json_values, max_size=3))
    whole = data.draw(st.sampled_from([{**example, **changes}, *changes.values()]))

    response = client.post(path, content=json.dumps(whole), headers=JSON)

    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        problem(response, response.status_code)


@settings(max_examples=100)
@given(
    body=st.binary(max_size=200),
    kind=st.sampled_from(["application/json", "text/csv", "application/vnd.apache.parquet"]),
)
def test_no_bytes_make_a_batch_fail(client, body, kind):
    """Any bytes, called JSON, CSV or parquet, are refused with a problem."""
    response = client.post("/v1/fraud/batch", content=body, headers={"content-type": kind})

    assert 400 <= response.status_code < 500, response.text
    problem(response, response.status_code)


@settings(max_examples=60)
@given(
    cells=st.dictionaries(
        st.sampled_from(["income_eur", "purpose", "guarantor"]), st.text(string.printable, max_size=8)
    )
)
def test_no_cell_of_a_csv_makes_a_batch_fail(client, applicant, cells):
    """Any text in a cell is answered or refused."""
    row = {**applicant, **cells}
    lines = [",".join(json.dumps(str(value)) for value in line) for line in (row.keys(), row.values())]

    response = client.post("/v1/credit/batch", content="\n".join(lines), headers={"content-type": "text/csv"})

    assert response.status_code < 500, response.text
