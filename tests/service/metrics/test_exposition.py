"""GET /metrics of the running application."""

from collections import Counter

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from models.domains._discovery import load_domains


def read(client, **headers):
    """The samples by name and labels."""
    response = client.get("/metrics", headers=headers)
    assert response.status_code == 200
    reader = read_openmetrics if "openmetrics" in response.headers["content-type"] else read_text
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in reader(response.text)
        for sample in family.samples
    }


def requests_of(samples):
    """How many requests each endpoint, model, method and status had."""
    return Counter(
        {
            tuple(dict(labels)[name] for name in ("endpoint", "model", "method", "status")): value
            for (sample, *labels), value in samples.items()
            if sample == "backscore_requests_total"
        }
    )


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text; version=1.0.0"])
def test_requests_are_counted_by_kind_of_route(start_service, trained_home, applicant, accept):
    """Each request once, under names of ours."""
    client = start_service(trained_home).client
    before = requests_of(read(client, Accept=accept))
    client.post("/v1/credit/score", json=applicant)
    client.post("/v1/credit/score", json=applicant)
    client.post("/v1/credit/score", json={})
    client.post("/v1/credit/batch", json={"rows": [applicant]})
    client.post("/v1/ads/rank", json={})
    client.get("/v1/models/credit")
    client.get("/health/live")

    samples = read(client, Accept=accept)

    assert requests_of(samples) - before == {
        ("score", "credit", "POST", "200"): 2,
        ("score", "credit", "POST", "422"): 1,
        ("batch", "credit", "POST", "200"): 1,
        ("rank", "ads", "POST", "422"): 1,
        ("show_model", "credit", "GET", "200"): 1,
        ("live", "", "GET", "200"): 1,
        ("read_metrics", "", "GET", "200"): 1,
    }
    assert samples["backscore_request_duration_seconds_count", ("endpoint", "score"), ("model", "credit")] == 3
    assert samples["backscore_requests_in_flight",] == 0
    assert samples["backscore_database_up",] == 1
    assert samples["backscore_ready_workers",] == 1
    versions = {dict(labels)["model"] for name, *labels in samples if name == "backscore_live_version_info"}
    assert versions == set(load_domains())


def test_what_callers_type_makes_no_label(start_service, trained_home, applicant):
    """Unknown models, operations, paths and methods share a few labels, however many there are."""
    client = start_service(trained_home).client
    for number in range(20):
        client.post(f"/v1/model{number}/score", json=applicant)
        client.post(f"/v1/credit/operation{number}", json=applicant)
        client.get(f"/v1/models/model{number}")
        client.get(f"/v1/model{number}/alerts")
        client.get(f"/nothing/{number}")
        client.request(f"METHOD{number}", "/v1/credit/score")

    text = client.get("/metrics").text

    assert "model1" not in text
    assert "operation1" not in text
    assert "nothing" not in text
    assert "METHOD" not in text
    assert sum(requests_of(read(client)).values()) == 6 * 20 + 1
    assert len(requests_of(read(client))) < 12


@pytest.mark.parametrize("is_open", [False, True])
def test_metrics_need_a_key_where_others_do(start_service, trained_home, is_open):
    """Unless they are declared to be open."""
    client = start_service(trained_home, api_key="sesame", metrics_open=is_open).client

    assert client.get("/metrics").status_code == (200 if is_open else 401)
    assert client.get("/metrics", headers={"X-API-Key": "sesame"}).status_code == 200
    assert client.get("/v1/models").status_code == 401
