"""The application as a whole: keys, documentation without a network, names and log lines of requests, failures."""

import re

import pytest

from models.answers.respond import respond
from models.domains._discovery import load_domains
from service.errors import ServiceError, UnsafeAddressError, WeakKeyError
from service.live.served_model import ServedModel
from service.requests.statuses import STATUS_OF, status_of
from service.scoring.prediction_ids import time_ordered_id
from service.settings import Settings

KEY = "correct horse"


@pytest.fixture(scope="module")
def locked(start_service, trained_home):
    """A client of a service that requires a key."""
    return start_service(trained_home, api_key=KEY).client


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-API-Key": "wrong"}, {"X-API-Key": ""}, {"Authorization": f"Basic {KEY}"}, {"Authorization": "Bearer"}],
    ids=repr,
)
@pytest.mark.parametrize("path", ["/v1/models", "/v1/nothing", "//v1/models", "/v1/../v1/models", "/nothing"])
def test_without_the_key_nothing_below_v1_answers(locked, headers, path):
    """A missing or wrong key is a 401, whatever the spelling of the path."""
    response = locked.get(path, headers=headers)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["type"] == "urn:backscore:missing-key"


@pytest.mark.parametrize("headers", [{"X-API-Key": KEY}, {"Authorization": f"bearer {KEY}"}], ids=repr)
def test_with_the_key_the_models_answer(locked, headers, applicant):
    """Both ways to send the key are known."""
    assert locked.get("/v1/models", headers=headers).status_code == 200
    assert locked.post("/v1/credit/score", headers=headers, json=applicant).status_code == 200


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/docs", "/openapi.json", "/static/swagger-ui.css"])
def test_health_and_documentation_need_no_key(locked, path):
    """An orchestrator and a reader come without one."""
    assert locked.get(path).status_code == 200


def test_the_documentation_asks_for_the_key(locked, client):
    """The page offers a field for the key exactly if one is needed."""
    assert "securitySchemes" in locked.get("/openapi.json").json()["components"]
    assert "securitySchemes" not in client.get("/openapi.json").json()["components"]


def test_settings_come_from_the_environment(monkeypatch, tmp_path):
    """BACKSCORE_* is read; an empty variable counts as not set; the key is not shown."""
    monkeypatch.setenv("BACKSCORE_HOME", str(tmp_path))
    monkeypatch.setenv("BACKSCORE_PORT", "")
    monkeypatch.setenv("BACKSCORE_API_KEY", KEY)

    settings = Settings()

    assert (settings.home, settings.port) == (tmp_path, 8000)
    assert settings.registry_url == f"sqlite:///{tmp_path / 'backscore.db'}"
    assert KEY not in repr(settings)


def test_the_documentation_needs_no_other_host(client):
    """The page names no other host, and everything that it loads is served here."""
    page = client.get("/docs").text
    assets = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert not re.search(r"https?://|//[a-z]", page)
    assert len(assets) == 3
    for asset in assets:
        assert client.get(asset).status_code == 200, asset
    assert "validatorUrl" in page  # swagger-ui would send the document to a validator elsewhere


def test_a_request_keeps_the_name_it_came_with(client):
    """A proxy's request id is kept if it is fit for a log, else a new one is given."""
    assert client.get("/health/live", headers={"X-Request-ID": "abc-1"}).headers["x-request-id"] == "abc-1"
    assert client.get("/health/live", headers={"X-Request-ID": "a b"}).headers["x-request-id"].startswith("id-")


def test_every_request_has_one_line_in_the_log(start_service, trained_home, applicant):
    """Method, path, status and time, under the name that the caller got; health checks are not logged."""
    service = start_service(trained_home)
    name = service.client.post("/v1/credit/score", json=applicant).headers["x-request-id"]
    service.client.get("/health/live")

    (line,) = service.log_lines("request")

    assert (line["method"], line["path"], line["status"], line["request_id"]) == ("POST", "/v1/credit/score", 200, name)
    assert line["ms"] > 0


def test_an_unforeseen_failure_keeps_its_inner_text_to_itself(start_service, trained_home, applicant, monkeypatch):
    """The caller gets a 500 with the request's name, the log the place in the code: the text might quote the row."""

    def fail(*_):
        raise RuntimeError("secret inner text")

    service = start_service(trained_home)
    monkeypatch.setattr(ServedModel, "read_row", fail)

    response = service.client.post("/v1/credit/score", json=applicant)

    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "secret" not in response.text
    (line,) = service.log_lines("request failed")
    assert "secret" not in service.log.getvalue()
    assert "fail" in line["exception"].splitlines()[-2]
    assert line["request_id"] == response.json()["request_id"] == response.headers["x-request-id"]


def test_prediction_ids_are_the_ones_that_were_given(start_service, trained_home, applicant):
    """The maker of ids can be exchanged, so that an answer can be foretold to the last letter."""
    client = start_service(trained_home).client
    answer = client.post("/v1/credit/score", json=applicant, headers={"X-Request-ID": "r"}).json()
    assert re.fullmatch(r"id-\d+", answer["prediction_id"])


def test_ids_sort_by_time():
    """A later millisecond gives a greater id; equal ones still differ."""
    moments = iter([1_000.0, 1_000.001, 1_000.001, 2_000_000_000.0])

    class Moment:
        def timestamp(self):
            return next(moments)

    ids = [time_ordered_id(Moment) for _ in range(4)]

    assert ids[0] < min(ids[1:3]) < max(ids[1:3]) < ids[3]
    assert all(re.fullmatch(r"[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}", id) for id in ids)


def test_every_error_of_the_service_has_a_status():
    """No class falls through the table by being forgotten; only settings are never answered over HTTP."""
    forgotten = set(ServiceError.__subclasses__()) - STATUS_OF.keys() - {UnsafeAddressError, WeakKeyError}
    assert forgotten == set()
    assert status_of(RuntimeError()) == 500


def test_the_same_answer_comes_from_http_and_from_the_library(client, applicant):
    """HTTP adds nothing and loses nothing."""
    domain = load_domains()["credit"]
    served = client.app.state.live_models.served("credit")
    over_http = client.post("/v1/credit/score", json=applicant).json()

    row = served.row.validate_python(applicant)
    (answer,) = respond(served.live, [row], [over_http["prediction_id"]])
    assert domain.answer.model_validate(over_http) == answer
