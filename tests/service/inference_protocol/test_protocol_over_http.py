"""The Open Inference Protocol over HTTP: invalid requests get one sentence and no scores."""

import json

import pytest
from pydantic import TypeAdapter

from models.domains._discovery import load_domains
from models.records.audit_log.personal import personal_key
from models.records.audit_log.record import BATCH
from models.records.audit_log.replay import replay
from service.inference_protocol.messages import InferenceResponse, ModelMetadata, ServerMetadata
from tests.service.inference_protocol.tensors import answers_of, infer, request_of, tensor, without_id

FRAUD = load_domains()["fraud"]
KEY = "correct horse"


@pytest.fixture
def request_body(applicant):
    rows = [{**applicant, "income_eur": 2_450.0}, {**applicant, "income_eur": 500.0, "payments_late_12m": 6}]
    return request_of(rows)


def changed(request, of, /, **changes):
    """The request with one tensor altered."""
    inputs = [{**one, **changes} if one["name"] == of else one for one in request["inputs"]]
    return {**request, "inputs": inputs}


AS_JSON = {"Content-Type": "application/json"}


def told(response, status=422):
    """The error of a failed request, which is all that its body holds."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["error"]
    return response.json()["error"]


def test_the_server_tells_who_it_is(client):
    """Health and metadata are as the protocol has them."""
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"live": True, "ready": True}
    for path in ("/v2", "/v2/"):
        assert ServerMetadata.model_validate(client.get(path).json()).extensions == []
    for path in ("/v2/models/credit/ready", "/v2/models/credit/versions/1/ready"):
        assert client.get(path).json() == {"name": "credit", "ready": True}


def test_without_a_model_it_is_not_ready(start_service, tmp_path):
    """An orchestrator sends nothing yet."""
    client = start_service(tmp_path / "empty").client

    assert client.get("/v2/health/live").status_code == 200
    response = client.get("/v2/health/ready")
    assert (response.status_code, response.json()) == (503, {"live": True, "ready": False})
    assert "live: none" in told(client.get("/v2/models/credit/ready"), 404)


def test_metadata_names_every_column_and_every_field(client, applicant):
    """What metadata states can be sent as it says, and comes back as it says."""
    metadata = client.get("/v2/models/credit").json()
    assert client.get("/v2/models/credit/versions/1").json() == metadata
    ModelMetadata.model_validate(metadata)
    domain = load_domains()["credit"]
    table = domain.restrict_inputs(domain.table)
    optional = {one["name"] for one in metadata["inputs"] if one.get("parameters", {}).get("optional")}

    inputs = [tensor(one["name"], [applicant[one["name"]]] * 3, one["datatype"]) for one in metadata["inputs"]]
    response = infer(client, "credit", {"inputs": inputs}).json()

    assert (metadata["name"], metadata["versions"]) == ("credit", ["1"])
    assert [one["name"] for one in metadata["inputs"]] == [column.name for column in table.inputs]
    assert optional == {column.name for column in table.inputs if column.optional}
    described = [{**one, "shape": [3, 1]} for one in metadata["outputs"]]
    assert [{k: v for k, v in one.items() if k != "data"} for one in response["outputs"]] == described


def test_the_answer_names_the_request_and_the_version(client, request_body):
    """Ids come back, also of requests for one version, and only if there was one."""
    response = infer(client, "credit", {**request_body, "id": "mine"})
    of_version = client.post("/v2/models/credit/versions/1/infer", json={**request_body, "id": "yours"})

    InferenceResponse.model_validate(response.json())
    assert [response.json()[name] for name in ("id", "model_name", "model_version")] == ["mine", "credit", "1"]
    assert of_version.json()["id"] == "yours"
    assert "id" not in infer(client, "credit", request_body).json()


def test_whole_numbers_and_truth_may_be_spelled_as_fractions(client, request_body):
    """As clients do whose only number is a float."""
    usual = answers_of(infer(client, "credit", request_body).json())
    inputs = [
        {**one, "data": [float(value) if one["datatype"] in ("INT64", "BOOL") else value for value in one["data"]]}
        for one in request_body["inputs"]
    ]
    spelled = answers_of(infer(client, "credit", {"inputs": inputs}).json())

    assert [without_id(answer) for answer in spelled] == [without_id(answer) for answer in usual]
    assert {type(value) for one in inputs for value in one["data"]} == {float, str}
    error = told(infer(client, "credit", changed(request_body, "guarantor", data=[2.0, 1.0])))
    assert "guarantor[0] must be true or false or null, for the datatype BOOL, got 2.0" in error
    error = told(infer(client, "credit", changed(request_body, "duration_months", data=[12.5, 10**400])))
    assert "duration_months[0] must be an integer of 64 bits" in error
    assert "duration_months[1] must be an integer of 64 bits" in error


def test_only_the_outputs_that_are_asked_for_come(client, request_body):
    """In the requested order."""
    outputs = [{"name": "points"}, {"name": "decision", "parameters": {"binary_data": True}}]
    response = infer(client, "credit", {**request_body, "outputs": outputs}).json()

    assert [(one["name"], one["datatype"]) for one in response["outputs"]] == [
        ("points", "INT64"),
        ("decision", "BYTES"),
    ]
    assert response["outputs"][1]["data"][1] == "decline"
    error = told(infer(client, "credit", {**request_body, "outputs": [{"name": "score"}]}))
    assert error.startswith("1 value is invalid: score unknown output; available: prediction_id,")


def test_an_inference_is_recorded_and_answered_again(start_service, store, request_body):
    """It stands in the audit log as a batch does, with an id for every row."""
    service = start_service(store.home.path)
    response = infer(service.client, "credit", {**request_body, "parameters": {"reasons": "all"}}).json()
    log = service.client.app.state.predictions

    for answer in answers_of(response):
        (record,) = log.records(answer["prediction_id"])
        assert (record.action, record.reasons, record.n_rows) == (BATCH, "all", 2)
        assert log.prediction(answer["prediction_id"]).answer == answer
        again = replay(record, store.registry, store.home.bundles, personal_key=personal_key(store.home.path))
        assert (again.same_features, again.differences) == (True, {})


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"shape": [3]}, "income_eur must have 3 values"),
        ({"shape": [2, 2]}, "income_eur must have the shape [2] or [2, 1]"),
        ({"shape": []}, "income_eur must have the shape"),
        ({"shape": [0], "data": []}, "income_eur must have the shape [1] or [1, 1]"),
        ({"data": [900.0]}, "income_eur must have 2 values, according to its shape, got 1"),
        ({"data": [900.0, "many"]}, "income_eur[1] must be a number or null, for the datatype FP64, got 'many'"),
        ({"data": [[900.0], 900.0]}, "income_eur[1] must be a list of one value, like the others, got 900.0"),
        ({"data": [True, 900.0]}, "income_eur[0] must be a number or null"),
        ({"datatype": "INT8", "data": [90, 900]}, "income_eur[1] must be an integer of 8 bits or null"),
        (
            {"datatype": "BYTES", "data": ["many", "900"]},
            "income_eur[0] must be a number from 400 to 40000, got 'many'",
        ),
        ({"data": [-1, 900.0]}, "income_eur[0] must be a number from 400 to 40000, got -1.0"),
        ({"data": [900.0, None]}, "income_eur[1] must be a number from 400 to 40000"),
        ({"name": "income"}, "income unknown field; did you mean 'income_eur'?"),
        ({"name": "age"}, "age is protected, not an input of this model"),
        ({"name": "amount_eur"}, "amount_eur must be given once, not 2 times"),
        ({"datatype": "FP8"}, "/inputs/0/datatype must be 'BOOL'"),
        ({"data": None}, "income_eur has no `data`"),
    ],
    ids=str,
)
def test_a_wrong_tensor_is_refused_by_name(client, request_body, changes, error):
    """The sentence says which tensor and element, what is allowed and what came."""
    assert error in told(infer(client, "credit", changed(request_body, "income_eur", **changes)))


def test_every_bad_value_is_named(client, request_body):
    """Of all rows and all columns, and nothing is answered."""
    wrong = changed(request_body, "income_eur", data=[-1, -2])
    error = told(infer(client, "credit", changed(wrong, "duration_months", data=[12.5, 12], datatype="FP64")))

    assert error.startswith("3 values are invalid: ")
    for place in ("income_eur[0]", "income_eur[1]", "duration_months[0]"):
        assert place in error


def test_what_is_missing_is_named(client, request_body):
    """A column that is not optional must come."""
    inputs = [one for one in request_body["inputs"] if one["name"] not in ("income_eur", "savings_eur")]
    error = told(infer(client, "credit", {"inputs": inputs}))
    assert error == "1 value is invalid: income_eur is missing; it must be a number from 400 to 40000"


@pytest.mark.parametrize(
    ("content", "status", "error"),
    [
        (b"{", 400, "Invalid JSON"),
        (b"[]", 422, "must be"),
        (b'{"inputs": []}', 422, "/inputs"),
        (b'{"inputs": [{"name": "income_eur"}]}', 422, "/inputs/0/shape"),
        (b" " * 200_001, 413, "200,000 bytes"),
        (b'{"inputs":[' + b"0," * 50_000 + b"0]}", 413, "100 rows"),
    ],
    ids=range(6),
)
def test_what_is_no_request_is_refused(client, content, status, error):
    """As everywhere else, but in the protocol's form."""
    assert error in told(client.post("/v2/models/credit/infer", content=content, headers=AS_JSON), status)


def test_too_many_rows_are_refused(client, applicant):
    """The limit is that of batches."""
    assert "100 rows" in told(infer(client, "credit", request_of([applicant] * 101)), 413)


def test_reasons_are_one_of_three(client, request_body):
    """Other parameters are ignored, this one is not."""
    request = {**request_body, "parameters": {"reasons": "some", "binary_data_output": True}}
    error = told(infer(client, "credit", request))
    assert error.endswith("parameters.reasons must be one of adverse, all, none, got 'some'")


def test_binary_tensors_are_refused_with_what_to_do(client, request_body):
    """Whether the header or the tensor announces them."""
    sent = changed(request_body, "income_eur", data=None, parameters={"binary_data_size": 16})
    by_header = client.post(
        "/v2/models/credit/infer",
        content=json.dumps(request_body).encode() + bytes(16),
        headers={"inference-header-content-length": "100"},
    )
    for response in (infer(client, "credit", sent), by_header):
        assert "binary_data=False" in told(response, 415)
    assert "application/json" in told(infer(client, "credit", request_body, headers={"content-type": "text/csv"}), 415)


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/v2/models/loans/infer", "no live model 'loans'; live: ads, chat, credit, digits, forecast, fraud"),
        ("/v2/models/credit/versions/2/infer", "version '2' of 'credit' is not live; the live version is 1"),
        ("/v2/models/credit/versions/x/infer", "version 'x' of 'credit' is not live"),
        ("/v2/models/credit/answer", "Not Found"),
    ],
)
def test_what_is_not_there_is_told(client, request_body, path, error):
    """Only live versions answer, and unknown paths get the protocol's error form."""
    assert error in told(client.post(path, json=request_body), 404)
    assert client.post(path, json=request_body).headers["x-request-id"]


def test_a_key_is_needed_but_for_health(start_service, trained_home, request_body):
    """Without one the refusal is the protocol's, and the header says what to send."""
    client = start_service(trained_home, api_key=KEY).client

    assert client.get("/v2/health/ready").status_code == 200
    for response in (client.get("/v2"), client.get("/v2/models/credit"), infer(client, "credit", request_body)):
        assert "X-API-Key" in told(response, 401)
        assert response.headers["www-authenticate"] == "Bearer"
    assert infer(client, "credit", request_body, headers={"X-API-Key": KEY}).status_code == 200


def test_a_failure_that_nobody_foresaw_is_told_too(start_service, store, request_body, monkeypatch):
    """Without its inner text."""
    monkeypatch.setattr("service.inference_protocol.inference.rows_of", lambda *_: 1 / 0)
    service = start_service(store.home.path)

    assert told(infer(service.client, "credit", request_body), 500).startswith("internal error; see ")


def test_an_event_that_is_none_refuses_the_request(start_service, store):
    """A single one as `score` does; among several it is named, and the others have been stored."""
    client = start_service(store.home.path).client
    rows = [{**FRAUD.table.example(), "transaction_id": str(number)} for number in (1, 2)]
    infer(client, "fraud", request_of(rows[:1])).raise_for_status()
    other = {**rows[0], "amount_eur": 1.0}

    assert "is the id of another event" in told(infer(client, "fraud", request_of([other])), 409)
    assert "transaction_id[1] is the id of another event" in told(infer(client, "fraud", request_of([rows[1], other])))
    answers = client.post("/v1/fraud/batch", json={"rows": [{**rows[1], "amount_eur": 2.0}]}).json()
    assert "is the id of another event" in answers["errors"][0]["message"]
    assert "must not contain NUL characters" in told(infer(client, "fraud", request_of([{**other, "channel": "a\0"}])))


def test_the_documentation_is_of_the_live_model(client):
    """Its example is answered, and names what there is."""
    document = client.get("/openapi.json").json()
    post = document["paths"]["/v2/models/credit/infer"]["post"]
    example = post["requestBody"]["content"]["application/json"]["example"]

    response = infer(client, "credit", example)

    assert response.status_code == 200
    TypeAdapter(InferenceResponse).validate_json(response.content)
    tensor_schema = document["components"]["schemas"]["credit.infer.InputTensor"]
    assert tensor_schema["properties"]["name"]["enum"] == [one["name"] for one in example["inputs"]]
    error = document["paths"]["/v2/models/{name}"]["get"]["responses"]["404"]["content"]["application/json"]
    assert error["schema"] == {"$ref": "#/components/schemas/ProtocolError"}
    assert list(error["example"]) == ["error"]
