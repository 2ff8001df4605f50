"""Champions change while requests run: no request fails, none is answered by two versions, bad bundles stay out."""

import shutil
import threading
from collections import Counter

import pytest

from data.rows import row_adapter
from models.answers.respond import respond
from models.errors import DatabaseError
from models.registry.live import load_live
from models.registry.registry import Registry


def without_id(answer):
    return {name: value for name, value in answer.items() if name != "prediction_id"}


def own_answer(store, number, row):
    """What a version answers by itself, without a service."""
    live = load_live(store.registry.version("credit", number), store.home.bundles)
    (answer,) = respond(live, [row_adapter(live.table).validate_python(row)], [""])
    return without_id(answer.model_dump(mode="json"))


def live_version(service):
    return service.client.get("/health/ready").json()["live"]["credit"]


def altered(store, digest):
    """Change one byte of a bundle's scorer; gives back the file and what it held."""
    scorer = store.home.bundles / digest / "state.json"
    content = scorer.read_bytes()
    scorer.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    return scorer, content


def test_a_new_champion_takes_over_without_a_restart(start_service, store, applicant, eventually):
    """A promotion by another process is noticed by the next poll."""
    service = start_service(store.home.path, poll_seconds=0.02)
    assert live_version(service) == 1

    store.registry.promote("credit", 2, actor="tests", why="")

    eventually(lambda: live_version(service) == 2)
    assert service.client.post("/v1/credit/score", json=applicant).json()["version"] == 2


def test_a_swap_under_load_fails_no_request(start_service, store, applicant, eventually):
    """Each of many concurrent answers names one version and is exactly what that version answers."""
    expected = {number: own_answer(store, number, applicant) for number in (1, 2)}
    assert expected[1]["probability_of_default"] != expected[2]["probability_of_default"]
    service = start_service(store.home.path, poll_seconds=0.02)
    done, wrong, seen = threading.Event(), [], Counter()

    def ask():
        while not done.is_set():
            response = service.client.post("/v1/credit/score", json=applicant)
            answer = response.json()
            if response.status_code != 200 or without_id(answer) != expected[answer["version"]]:
                wrong.append(response.text)
            seen[answer.get("version")] += 1

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number in (2, 1, 2, 1):
            store.registry.promote("credit", number, actor="tests", why="")
            eventually(lambda number=number: live_version(service) == number)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert seen.keys() == {1, 2}


def test_an_altered_bundle_stays_out(start_service, store, applicant, eventually):
    """A champion with one byte changed is refused, logged once, and the version before it goes on answering."""
    scorer, content = altered(store, store.registry.version("credit", 2).digest)
    service = start_service(store.home.path, poll_seconds=0.02)

    store.registry.promote("credit", 2, actor="tests", why="")

    def state():
        return service.client.get("/v1/models/credit").json()

    eventually(lambda: state()["refused"] is not None)
    assert "state.json was altered" in state()["refused"]
    assert (state()["champion"], state()["live_version"]) == (2, 1)
    assert service.client.post("/v1/credit/score", json=applicant).json()["version"] == 1
    assert len(service.log_lines("champion failed to load")) == 1
    (warning,) = service.client.get("/health/ready").json()["warnings"]
    assert warning.startswith("credit: version 1 answers instead; version 2: bundle")

    scorer.write_bytes(content)

    eventually(lambda: live_version(service) == 2)
    assert state()["refused"] is None
    assert service.client.get("/health/ready").json()["warnings"] == []


def test_a_restored_bundle_can_be_promoted_at_once(start_service, store):
    """A refused champion is tried ever more seldom, but an explicit promotion does not wait for that."""
    scorer, content = altered(store, store.registry.version("credit", 2).digest)
    store.registry.promote("credit", 2, actor="tests", why="")
    service = start_service(store.home.path)
    assert service.client.post("/v1/credit/score", json={}).status_code == 404
    scorer.write_bytes(content)

    response = service.client.post("/v1/models/credit/promote", json={"version": 2})

    assert (response.json()["live_version"], response.json()["refused"]) == (2, None)


def test_a_bad_bundle_of_one_model_does_not_hold_up_the_others(start_service, store):
    """What else can be loaded is loaded."""
    altered(store, store.registry.version("credit", 1).digest)

    service = start_service(store.home.path)

    ready = service.client.get("/health/ready")
    assert (ready.status_code, ready.json()["live"]) == (
        200,
        {"ads": 1, "chat": 1, "digits": 1, "forecast": 1, "fraud": 1},
    )
    (warning,) = ready.json()["warnings"]
    assert warning.startswith("credit: nothing answers; version 1: bundle")
    assert service.client.get("/v2/models/credit/ready").status_code == 404


def test_a_registry_that_goes_away_stops_nothing(start_service, store, applicant, eventually, monkeypatch):
    """Without a database the last state goes on answering, and registry questions get a 503 without inner text."""
    service = start_service(store.home.path, poll_seconds=0.02)

    def away(*_):
        raise DatabaseError("postgresql://secret-host is down")

    with monkeypatch.context() as patch:
        for method in ("champions", "names"):
            patch.setattr(Registry, method, away)
        eventually(lambda: len(service.log_lines("registry unreachable; live models stay as they are")) == 1)
        assert service.client.post("/v1/credit/score", json=applicant).status_code == 200
        ready = service.client.get("/health/ready")
        assert (ready.status_code, len(ready.json()["warnings"])) == (200, 1)
        response = service.client.get("/v1/models")
        assert response.status_code == 503
        assert "secret-host" not in response.text
    eventually(lambda: len(service.log_lines("registry reachable again")) == 1)


def test_without_a_model_the_service_is_alive_but_not_ready(start_service, tmp_path):
    """Readiness says what is missing; liveness does not depend on it."""
    client = start_service(tmp_path).client

    response = client.get("/health/ready")

    assert response.status_code == 503
    assert response.json()["reasons"] == ["no model is live; run `backscore train DOMAIN` or `backscore quickstart`"]
    assert client.get("/health/live").json() == {"alive": True}
    assert client.post("/v1/credit/score", json={}).status_code == 404


def test_with_nothing_but_a_refused_champion_the_service_is_not_ready(start_service, store):
    """The reason names the bundle."""
    shutil.rmtree(store.home.bundles)

    response = start_service(store.home.path).client.get("/health/ready")

    assert response.status_code == 503
    assert any(reason.startswith("credit: version 1: bundle") for reason in response.json()["reasons"])


def test_the_documentation_follows_the_live_versions(start_service, store):
    """The document is built anew when a version changes, and only then."""
    service = start_service(store.home.path)
    application = service.client.app
    before = application.openapi()
    service.client.post("/v1/models/credit/promote", json={"version": 1})
    assert application.openapi() is before

    service.client.post("/v1/models/credit/promote", json={"version": 2})

    assert "Version 2." in application.openapi()["paths"]["/v1/credit/score"]["post"]["description"]


@pytest.mark.parametrize("wanted", ["adverse", "all", "none"])
def test_reasons_are_given_as_asked(client, applicant, wanted):
    """Adverse decisions are explained unless reasons=none, others only on request."""
    safe = {**applicant, "income_eur": 9_000, "amount_eur": 1_000, "payments_late_12m": 0, "savings_eur": 30_000}
    risky = {**applicant, "income_eur": 500, "payments_late_12m": 6}

    answers = {
        case: client.post("/v1/credit/score", json=row, params={"reasons": wanted}).json()
        for case, row in {"safe": safe, "risky": risky}.items()
    }

    assert [answers[case]["decision"] for case in answers] == ["approve", "decline"]
    assert bool(answers["risky"]["reasons"]) == (wanted != "none")
    if wanted != "all":
        assert answers["safe"]["reasons"] == []
