"""What every domain keeps over HTTP: its documentation is true, and its examples are answered."""

import io

import pandas as pd
import pytest

from models.domains._discovery import load_domains
from service.api.documents import DOCUMENTS

DOMAINS = load_domains()
OPERATIONS = [(domain, operation) for domain in DOMAINS.values() for operation in domain.operations]


@pytest.fixture(params=DOMAINS.values(), ids=DOMAINS.keys())
def domain(request):
    return request.param


@pytest.fixture(scope="module")
def document(client):
    return client.get("/openapi.json").json()


def documented(document, path):
    """What the documentation says about the body of a path, by media type."""
    return document["paths"][path]["post"]["requestBody"]["content"]


def test_the_example_row_is_scored(domain, client, document):
    """The example that the documentation shows is a request that its own endpoint answers."""
    example = documented(document, f"/v1/{domain.name}/score")["application/json"]["example"]

    response = client.post(f"/v1/{domain.name}/score", json=example)

    assert response.status_code == 200, response.text
    answer = domain.answer.model_validate(response.json())
    assert (answer.model, answer.version) == (domain.name, 1)
    assert answer.warnings == []


@pytest.mark.parametrize("kind", ["application/json", "text/csv", "application/vnd.apache.parquet"])
def test_the_example_batch_is_answered_as_its_rows_alone(domain, kind, client, document):
    """JSON, CSV and parquet mean the same rows, and a row is answered the same alone and in a batch."""
    example = documented(document, f"/v1/{domain.name}/score")["application/json"]["example"]
    if kind == "application/vnd.apache.parquet":
        file = io.BytesIO()
        pd.DataFrame([example, example]).to_parquet(file)
        body = {"content": file.getvalue(), "headers": {"content-type": kind}}
        n_rows = 2
    elif kind == "text/csv":
        body = {"content": documented(document, f"/v1/{domain.name}/batch")[kind]["example"]}
        body["headers"] = {"content-type": kind}
        n_rows = 1
    else:
        body = {"json": documented(document, f"/v1/{domain.name}/batch")[kind]["example"]}
        n_rows = 2

    response = client.post(f"/v1/{domain.name}/batch", **body)

    assert response.status_code == 200, response.text
    alone = without_id(client.post(f"/v1/{domain.name}/score", json=example).json())
    assert [without_id(answer) for answer in response.json()["answers"]] == [alone] * n_rows
    assert response.json()["errors"] == []


@pytest.mark.parametrize(("domain", "operation"), OPERATIONS, ids=lambda part: part.name)
def test_the_example_of_an_operation_is_answered(domain, operation, client, document):
    """Every operation of a domain has an endpoint that answers the documented example."""
    path = f"/v1/{domain.name}/{operation.name}"

    response = client.post(path, json=documented(document, path)["application/json"]["example"])

    assert response.status_code == 200, response.text
    operation.answer.model_validate(response.json())


def test_every_reference_in_the_documentation_leads_somewhere(document):
    """No schema is referred to that the document does not hold."""
    schemas = document["components"]["schemas"]

    def references(node):
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for child in node.values():
                yield from references(child)
        elif isinstance(node, list):
            for child in node:
                yield from references(child)

    found = set(references(document))
    assert found
    assert found <= {f"#/components/schemas/{name}" for name in schemas}


def test_every_endpoint_is_documented(document):
    """The paths of the document are those of the domains and the fixed ones, and none is missing."""
    expected = {f"/v1/{name}/{action}" for name in DOMAINS for action in ("score", "batch")}
    expected |= {f"/v1/{domain.name}/{operation.name}" for domain, operation in OPERATIONS}
    expected |= {
        f"/v1/{name}/labels" for name, domain in DOMAINS.items() if domain.restrict_inputs(domain.table).windows
    }
    expected |= {f"/v1/{{name}}/{path}" for path in ("alerts", "alerts/{number}", "alerts/{number}/verdict")}
    expected |= {"/v1/{name}/rules", "/v1/{name}/figures"}
    expected |= {"/v1/models", "/v1/models/{name}"}
    expected |= {f"/v1/models/{{name}}/{change}" for change in ("promote", "rollback", "policy", "challenger")}
    expected |= {f"/v1/models/{{name}}/versions/{{number}}/{document.file}" for document in DOCUMENTS.values()}
    expected |= {f"/v2/models/{name}/infer" for name in DOMAINS} | {"/v2", "/v2/health/live", "/v2/health/ready"}
    of_version = "/v2/models/{name}/versions/{version}"
    expected |= {
        "/v2/models/{name}",
        "/v2/models/{name}/ready",
        of_version,
        f"{of_version}/ready",
        f"{of_version}/infer",
    }
    expected |= {
        "/health/live",
        "/health/ready",
        "/metrics",
        "/v1/outcomes",
        "/v1/models/{name}/performance",
        "/v1/models/{name}/monitor",
    }
    expected |= {f"/learn/{what}" for what in ("state", "trace", "train")}
    assert set(document["paths"]) == expected


def without_id(answer):
    return {name: value for name, value in answer.items() if name != "prediction_id"}
