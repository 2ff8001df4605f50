"""Hostile requests: cheap to refuse, in few words, and told apart from failures. More in tests/drills/hostile."""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.registry.registry import Registry
from service.requests import field_errors
from service.requests.field_errors import MAX_SUGGESTIONS

JSON = {"content-type": "application/json"}
PARQUET = {"content-type": "application/vnd.apache.parquet"}
SCORE = "/v1/credit/score"
MANY = {f"x{i}": 1 for i in range(2_000)}
TENSOR = {"shape": [1], "datatype": "FP64", "data": [1]}


def refused(response, status):
    """The problem of a refusal, which is short whatever came."""
    assert response.status_code == status, response.text[:500]
    assert response.headers["content-type"] == "application/problem+json"
    assert len(response.content) < 40_000
    return response.json()


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br, identity", "deflate", "x"])
@pytest.mark.parametrize("path", [SCORE, "/v1/credit/batch", "/v1/models/credit/promote", "/v1/fraud/labels"])
def test_compressed_bodies_are_refused(client, applicant, coding, path):
    """Nothing is unpacked that came over HTTP."""
    headers = {**JSON, "content-encoding": coding}
    found = refused(client.post(path, content=json.dumps(applicant), headers=headers), 415)
    assert found["type"] == "urn:backscore:content-coding"


def test_an_identity_coding_is_none(client, applicant):
    """Some clients say that they do nothing."""
    headers = {**JSON, "content-encoding": "identity"}
    assert client.post(SCORE, content=json.dumps(applicant), headers=headers).status_code == 200


@pytest.fixture(scope="module")
def roomy(start_service, trained_home):
    """A service with the usual limits."""
    return start_service(trained_home).client


@pytest.fixture
def searched(monkeypatch):
    """The names for which a similar one was searched: each takes up to half a millisecond."""
    names, search = [], field_errors.get_close_matches

    def noted(name, among, **options):
        names.extend([name] if among else [])
        return search(name, among, **options)

    monkeypatch.setattr(field_errors, "get_close_matches", noted)
    return names


def test_very_many_unknown_names_are_refused_at_once(roomy, applicant, searched):
    """Suggesting a name for each would block the service for minutes."""
    crowd = {f"amount_eu{i:x}": 1 for i in range(50_000)}

    found = refused(roomy.post(SCORE, json={**applicant, **crowd}), 422)

    assert found["errors"] == [{"path": "", "message": "must not have more than 15,000 values", "value": None}]
    assert not searched


@pytest.mark.parametrize(("n_unknown", "n_searched"), [(3_000, 5), (100, MAX_SUGGESTIONS), (3, 3)])
def test_similar_names_are_searched_for_the_first_unknown_ones(roomy, applicant, searched, n_unknown, n_searched):
    """As many as are told, and never more than a hundredth of a second's."""
    refused(roomy.post(SCORE, json={**applicant, **{f"amount_eu{i:x}": 1 for i in range(n_unknown)}}), 422)

    assert searched == [f"amount_eu{i:x}" for i in range(n_searched)]


def test_many_unknown_names_are_counted_and_the_first_told(client, applicant):
    """In one error; up to a hundred have an error each."""
    found = refused(client.post(SCORE, json={**applicant, **{f"x{i}": 1 for i in range(3_000)}}), 422)
    fewer = refused(client.post(SCORE, json={**applicant, **{f"x{i}": 1 for i in range(100)}}), 422)

    (error,) = found["errors"]
    assert error["message"].startswith("has 3,000 unknown fields: 'x0' (unknown field), 'x1'")
    assert fewer["detail"].startswith("100 values are invalid")
    assert len(fewer["errors"]) == 100


@pytest.mark.parametrize(
    ("path", "body", "n_fields"),
    [
        ("/v1/credit/explain", {"row": MANY}, "2,000"),
        ("/v1/models/credit/promote", MANY, "2,000"),
        ("/v1/outcomes", {"outcomes": [{**MANY}]}, "2,000"),
        ("/v1/credit/batch", {"rows": [{}], **MANY}, "2,000"),
        ("/v2/models/credit/infer", {"inputs": [{**TENSOR, "name": name} for name in MANY]}, "2,000"),
    ],
)
def test_every_body_counts_its_unknown_names_in_one_error(roomy, path, body, n_fields):
    """Whatever it is for."""
    response = roomy.post(path, json=body)

    assert response.status_code == 422
    assert f"has {n_fields} unknown fields: 'x0'" in response.text


def test_a_row_of_a_batch_counts_them_too_and_the_others_are_answered(roomy, applicant):
    found = roomy.post("/v1/credit/batch", json={"rows": [{**applicant, **MANY}, applicant]}).json()

    assert [answer is None for answer in found["answers"]] == [True, False]
    (error,) = found["errors"]
    assert error["path"] == "/rows/0"
    assert error["message"].startswith("has 2,000 unknown fields: 'x0'")


@pytest.mark.parametrize(
    ("path", "body", "word"),
    [
        ("/v1/outcomes", {"outcomes": [{}] * 2_000}, "is missing"),
        ("/v1/fraud/labels", {"labels": [{}] * 2_000}, "is missing"),
        ("/v2/models/credit/infer", {"inputs": [{}] * 2_000}, "is missing"),
    ],
)
def test_of_thousands_of_wrong_items_the_first_are_told(roomy, path, body, word):
    """Pydantic is not asked for the words of all of them."""
    response = roomy.post(path, json=body)

    assert response.status_code == 422
    assert 20 <= response.text.count(word) <= 100


def test_a_long_name_is_told_shortly(client, applicant):
    """Neither the path nor the search for a likely name grows with it."""
    found = refused(client.post(SCORE, json={**applicant, "x" * 40_000: 1}), 422)

    (error,) = found["errors"]
    assert error["path"] == "/" + "x" * 97 + "..."
    assert error["message"] == "unknown field"


def test_a_row_of_a_batch_tells_its_first_bad_values(client, applicant):
    """And how many more there are."""
    rows = [{**applicant, **{f"x{i}": 1 for i in range(30)}}, applicant]

    found = client.post("/v1/credit/batch", json={"rows": rows}).json()

    assert [answer is None for answer in found["answers"]] == [True, False]
    assert len(found["errors"]) == 21
    assert found["errors"][-1]["path"] == "/rows/0"
    assert found["errors"][-1]["message"] == "has 10 more invalid values"


def test_more_labels_than_are_allowed_are_not_parsed(client):
    """Their commas are counted."""
    body = b'{"labels": [' + b"[]," * 20_000 + b"[]]}"
    assert refused(client.post("/v1/fraud/labels", content=body, headers=JSON), 413)["type"].endswith("too-many-rows")


@pytest.mark.parametrize("known", [0, 1_717_000_000, "0", "1717000000", True])
def test_a_bare_number_is_no_time(client, known):
    """Whether it is seconds or milliseconds would be a guess."""
    body = {"labels": [{"id": "1", "fraud": True, "known": known}]}
    assert refused(client.post("/v1/fraud/labels", json=body), 422)["errors"][0]["path"].startswith("/labels/0/known")


@pytest.mark.parametrize("observed", [0, "1717000000"])
def test_a_bare_number_is_no_time_of_an_outcome_either(client, observed):
    """The same rule for outcomes of any model."""
    body = {"outcomes": [{"prediction_id": "1", "outcome": True, "observed": observed}]}
    assert refused(client.post("/v1/outcomes", json=body), 422)["errors"][0]["path"].startswith("/outcomes/0/observed")


def test_as_many_outcomes_as_rows_may_come(roomy):
    """The bound of values leaves room for a full batch."""
    one = {"prediction_id": "1", "outcome": True, "observed": "2024-05-01T00:00:00Z"}
    answer = roomy.post("/v1/outcomes", json={"outcomes": [one] * 10_000})
    assert answer.status_code == 200
    assert answer.json()["n_outcomes"] == 10_000


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/fraud/labels", {"labels": [{"id": "a\0b", "fraud": True}]}),
        ("/v1/models/credit/promote", {"version": 1, "why": "a\0b"}),
        ("/v1/models/credit/policy", {"version": 0, "why": "a\0b"}),
        ("/v1/models/credit/rollback", {"why": "a\0b"}),
        ("/v1/models/credit/challenger", {"version": 2, "why": "a\0b"}),
        ("/v1/fraud/alerts/1/verdict", {"verdict": "fraud", "by": "a\0b"}),
        ("/v1/fraud/alerts/1/verdict", {"verdict": "fraud", "by": "a", "note": "a\0b"}),
        ("/v1/outcomes", {"outcomes": [{"prediction_id": "a\0b", "outcome": True}]}),
    ],
)
def test_what_no_database_stores_is_refused(client, path, body):
    """PostgreSQL has no NUL in texts, and would look like a database that is down."""
    refused(client.post(path, json=body), 422)
    refused(client.delete("/v1/models/credit/challenger?why=a%00b"), 422)


@pytest.mark.parametrize("name", ["a%00", "%00", "a%0d%0a", "x" * 201, "%2e%2e%2f%2e%2e%2fetc"])
@pytest.mark.parametrize("path", ["/v1/models/{}", "/v1/models/{}/versions/1/card.json", "/v1/{}/alerts"])
def test_names_that_no_model_has_reach_no_database(client, monkeypatch, name, path):
    """Control characters and very long names are no path of ours."""
    monkeypatch.setattr(Registry, "versions", lambda *_: pytest.fail("the database was asked"))
    refused(client.get(path.format(name)), 404)


@pytest.mark.parametrize("digits", [19, 30, 5_000])
@pytest.mark.parametrize("path", ["/v1/models/credit/versions/{}/card.json", "/v1/fraud/alerts/{}"])
def test_numbers_that_no_column_holds_are_not_found(client, digits, path):
    """Python alone reads no number of more than 4,300 digits, and fails."""
    refused(client.get(path.format("9" * digits)), 404)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/credit/score", "POST"),
        ("/v1/models", "GET"),
        ("/v1/models/credit", "GET"),
        ("/v1/fraud/alerts", "GET"),
        ("/v1/fraud/alerts/1/verdict", "POST"),
        ("/docs", "GET"),
    ],
)
def test_a_refused_method_tells_those_that_there_are(client, path, allowed):
    """All methods of the path, and none of another path that looks like it."""
    response = client.put(path)
    refused(response, 405)
    assert response.headers["allow"] == allowed


def test_the_written_document_is_the_document(client):
    """It is written once, and the same each time."""
    first, second = client.get("/openapi.json"), client.get("/openapi.json")

    assert first.headers["content-type"] == "application/json"
    assert first.content == second.content
    assert first.json() == client.app.openapi()


def test_an_unforeseen_failure_of_any_path_is_a_problem(start_service, trained_home, monkeypatch):
    """The framework's own answer would be plain text."""
    service = start_service(trained_home)
    monkeypatch.setattr(Registry, "champions", lambda _: 1 / 0)

    found = refused(service.client.get("/v1/models"), 500)

    (line,) = service.log_lines("request failed")
    assert "ZeroDivisionError" in line["exception"]
    assert line["request_id"] == found["request_id"]


@pytest.mark.parametrize(
    "value",
    [
        pa.array([2**31 - 1], pa.date32()),
        pa.array([b"\xff\xfe"]),
        pa.array([-(2**53)], pa.timestamp("s")),
        pa.array([10**6], pa.duration("s")),
        pa.array([None], pa.null()),
    ],
    ids=lambda value: str(value.type),
)
@pytest.mark.parametrize("column", ["amount_eur", "purpose", "guarantor"])
def test_no_type_of_a_file_makes_a_batch_fail(client, applicant, column, value):
    """A value that does not fit is named, or the file is refused."""
    file = io.BytesIO()
    pq.write_table(pa.table({**{name: [one] for name, one in applicant.items()}, column: value}), file)

    response = client.post("/v1/credit/batch", content=file.getvalue(), headers=PARQUET)

    assert response.status_code in (200, 422), response.text
