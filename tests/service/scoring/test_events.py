"""Events over HTTP: each is answered from what came before it, stored with its answer, and answered so again."""

import os
import sqlite3
import threading

import numpy as np
import pytest
import sqlalchemy as sa

from data.checking import checked_frame
from data.simulators.fraud import TABLE, simulate
from data.windows import with_windows
from models.domains._discovery import load_domains
from models.errors import DatabaseError
from models.records.events.event_log import EventLog
from models.registry.database import engine as database
from models.registry.database import schema as tables
from models.registry.database.engine import reading
from models.registry.registry import Registry
from tests.drills.stage import empty_schema
from tests.drills.stream import requests_of, windows_of

POSTGRES = os.environ.get("BACKSCORE_TEST_POSTGRES")


def transactions(n_rows, seed=3):
    """Requests in time order, and the values of their windows in bulk, without any label: the service knows none."""
    frame = simulate(n_rows, seed).frame
    checked = checked_frame(TABLE, frame, "simulated rows", training=False)
    return requests_of(TABLE, frame), windows_of(TABLE, with_windows(TABLE, checked, np.zeros(n_rows, np.int64)))


def transaction(number, **changes):
    return {**TABLE.example(), "transaction_id": number, **changes}


def score(service, row, **parameters):
    return service.client.post("/v1/fraud/score", json=row, params=parameters)


def n_stored(service):
    log = service.client.app.state.live_models.served("fraud").events
    with reading(log.engine) as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(tables.events)).scalar_one()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, store):
    """An empty store of events beside a registry with the champions of every domain."""
    if request.param == "sqlite":
        yield store.home.database_url
        return
    if POSTGRES is None:
        pytest.skip("BACKSCORE_TEST_POSTGRES names no PostgreSQL server")
    with empty_schema(POSTGRES) as url:
        registry = Registry(url)
        for version in store.registry.champions().values():
            told = {"name": version.name, "domain": version.domain, "digest": version.digest, "metrics": {}}
            registry.register(**told, actor="tests", why="", promote=True)
        registry.close()
        yield url


@pytest.fixture
def service(start_service, store, database_url):
    return start_service(store.home.path, database_url=database_url)


def test_answers_tell_what_the_bulk_computation_has(service):
    """Sent one by one in time order, every event sees exactly what came before it."""
    rows, windows = transactions(60)

    answers = [score(service, row).json() for row in rows]

    assert [answer["windows"] for answer in answers] == windows
    assert any(row["customer_id_count_7d"] for row in windows)


def test_the_same_id_gets_the_same_bytes_again(service):
    """Also later, when its windows would differ, and whatever reasons are requested; it counts once."""
    first = score(service, transaction(1))
    after = score(service, transaction(2, time="2024-05-01T20:00:00")).json()

    again = score(service, transaction(1), reasons="all")

    assert again.content == first.content
    assert after["windows"]["customer_id_count_1d"] == 1
    assert score(service, transaction(3, time="2024-05-01T21:00:00")).json()["windows"]["customer_id_count_1d"] == 2
    assert n_stored(service) == 3


def test_another_event_of_the_same_id_is_a_conflict(service):
    """The answer names the id and what was different."""
    score(service, transaction(1, amount_eur=20.0))

    response = score(service, transaction(1, amount_eur=21.0))

    assert response.status_code == 409
    (error,) = response.json()["errors"]
    assert (error["path"], error["value"]) == ("/transaction_id", "1")
    assert "amount_eur was 20.0" in error["message"]


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"time": "2030-01-01T00:00:00"}, "/time", "a day from now"),
        ({"customer_id": "C\0"}, "/customer_id", "NUL"),
        ({"amount_eur": -5}, "/amount_eur", "must be a number"),
    ],
)
def test_what_cannot_be_stored_is_refused_at_its_column(service, changes, path, words):
    """And nothing of it is stored."""
    response = score(service, transaction(1, **changes))

    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["path"] == path
    assert words in error["message"]
    assert n_stored(service) == 0


def test_too_late_an_event_is_refused(service):
    """What its windows would look back on has rolled out."""
    score(service, transaction(1, time="2023-09-01T00:00:00"))
    score(service, transaction(2))

    response = score(service, transaction(3, time="2023-09-01T00:00:00"))

    assert response.status_code == 422
    assert "no longer kept" in response.json()["errors"][0]["message"]


def test_rows_of_a_batch_are_events(service):
    """They see each other, bad ones have their error, and a repeated one its answer."""
    first = score(service, transaction(1)).json()
    rows = [
        transaction(3, time="2024-05-01T21:00:00"),
        transaction(1),
        transaction(2, time="2024-05-01T20:00:00"),
        transaction(1, amount_eur=1.0),
        transaction(4, amount_eur=-1.0),
        transaction(5, time="2030-01-01T00:00:00"),
        transaction(6, terminal_id="\0"),
        transaction(2, time="2024-05-01T20:00:00"),
    ]

    response = service.client.post("/v1/fraud/batch", json={"rows": rows})

    body = response.json()
    counts = [answer and answer["windows"]["customer_id_count_1d"] for answer in body["answers"]]
    assert counts == [2, 0, 1, None, None, None, None, 1]
    assert body["answers"][1] == first
    assert body["answers"][7] == body["answers"][2]
    assert sorted(error["path"] for error in body["errors"]) == [
        "/rows/3/transaction_id",
        "/rows/4/amount_eur",
        "/rows/5/time",
        "/rows/6/terminal_id",
    ]
    assert (body["n_rows"], body["n_answered"]) == (8, 4)
    assert n_stored(service) == 3
    assert service.client.post("/v1/fraud/batch", json={"rows": rows}).json() == body


def test_a_batch_of_more_rows_than_a_database_has_locks_for_is_stored(service):
    """PostgreSQL has room for some thousands of locks, and a row has three."""
    rows = [transaction(number, customer_id=f"C{number}", terminal_id=f"T{number}") for number in range(3_000)]

    body = service.client.post("/v1/fraud/batch", json={"rows": rows}).json()

    assert (body["n_answered"], body["errors"]) == (3_000, [])
    assert n_stored(service) == 3_000


def test_a_batch_without_a_good_row_stores_nothing(service):
    """It is answered with its errors."""
    body = service.client.post("/v1/fraud/batch", json={"rows": [transaction(1, amount_eur=-1)]}).json()

    assert body["answers"] == [None]
    assert n_stored(service) == 0


def test_warming_up_and_documentation_store_nothing(service):
    """Examples are no events."""
    assert service.client.get("/openapi.json").status_code == 200
    service.client.post("/v1/models/fraud/promote", json={"version": 1})

    assert n_stored(service) == 0


def test_an_account_looks_back_without_storing(service):
    """`explain` has the same answer as `score`."""
    score(service, transaction(1))
    row = transaction(2, time="2024-05-01T20:00:00")

    account = service.client.post("/v1/fraud/explain", json={"row": row}).json()["answer"]

    assert n_stored(service) == 1
    answer = score(service, row, reasons="all").json()
    assert account["windows"]["customer_id_count_1d"] == 1
    assert {**account, "prediction_id": ""} == {**answer, "prediction_id": ""}
    refused = service.client.post("/v1/fraud/explain", json={"row": transaction(3, time="2030-01-01T00:00:00")})
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "/time")


def test_labels_change_what_later_events_see(service):
    """After the delay, and once however often they are sent; unknown ids and the future are named."""
    score(service, transaction(1, time="2024-04-02T00:00:00"))
    labels = [
        {"id": 1, "fraud": True, "known": "2024-04-05T00:00:00"},
        {"id": "nobody", "fraud": True},
        {"id": "1", "fraud": False, "known": "2024-06-01T00:00:00Z"},
    ]

    first = service.client.post("/v1/fraud/labels", json={"labels": labels})
    again = service.client.post("/v1/fraud/labels", json={"labels": labels})

    assert first.status_code == 200
    assert [(found["n_labels"], found["n_new"]) for found in (first.json(), again.json())] == [(3, 1), (3, 0)]
    assert [error["path"] for error in first.json()["errors"]] == ["/labels/1/id", "/labels/2/known"]
    assert score(service, transaction(2)).json()["windows"]["terminal_id_frauds_28d"] == 1


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"labels": []}, "/labels"),
        ({"labels": [{"id": "1"}]}, "/labels/0/fraud"),
        ({"labels": [{"id": "1", "fraud": "yes"}]}, "/labels/0/fraud"),
        ({"labels": [{"id": "1", "fraud": True, "when": 1}]}, "/labels/0/when"),
    ],
    ids=repr,
)
def test_labels_of_another_form_are_refused(service, body, path):
    """Each bad value is named by its place."""
    response = service.client.post("/v1/fraud/labels", json=body)

    assert response.status_code == 422
    assert response.json()["errors"][0]["path"] == path


def test_models_without_windows_take_no_labels(service):
    """The answer names the expected fields."""
    response = service.client.post("/v1/credit/labels", json={"labels": [{"id": "1", "fraud": True}]})

    assert response.status_code == 404
    assert "available: score, batch, explain, trace, counterfactuals" in response.json()["detail"]


def test_two_services_on_one_database_see_the_same(start_service, store, database_url):
    """What one has stored the other looks back on, and repeats."""
    one, other = (start_service(store.home.path, database_url=database_url) for _ in range(2))

    first = score(one, transaction(1))

    assert score(other, transaction(1)).content == first.content
    assert score(other, transaction(2, time="2024-05-01T20:00:00")).json()["windows"]["customer_id_count_1d"] == 1
    assert score(one, transaction(3, time="2024-05-01T21:00:00")).json()["windows"]["customer_id_count_1d"] == 2


def test_a_version_goes_live_under_a_stream(start_service, store):
    """No event is lost or counted twice while versions change, and answers keep the version that gave them."""
    domain = load_domains()["fraud"]
    store.registry.register(
        name="fraud",
        domain="fraud",
        digest=store.registry.version("fraud", 1).digest,
        metrics={},
        actor="tests",
        why="",
        promote=False,
    )
    service = start_service(store.home.path)
    answers = {}

    def send(start):
        for number in range(start, start + 40):
            row = transaction(number, customer_id=f"C{start}", time=f"2024-05-01T20:{number % 40:02}:00")
            answers[number] = score(service, row)

    threads = [threading.Thread(target=send, args=[start]) for start in (1000, 2000, 3000)]
    for thread in threads:
        thread.start()
    promoted = service.client.post("/v1/models/fraud/promote", json={"version": 2})
    for thread in threads:
        thread.join()

    assert promoted.status_code == 200
    assert {answer.status_code for answer in answers.values()} == {200}
    assert n_stored(service) == 120
    assert score(service, transaction(9, time="2024-05-01T22:00:00")).json()["version"] == 2
    for start in (1000, 2000, 3000):
        counts = [answers[start + i].json()["windows"]["customer_id_count_1d"] for i in range(40)]
        assert sorted(counts) == list(range(40))
    assert domain.answer.model_validate(answers[1000].json()).model == "fraud"


@pytest.fixture
def impatient(monkeypatch):
    """SQLite that waits a moment only for another writer."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)


def test_a_database_that_is_locked_is_a_503_and_recovers(impatient, start_service, store):
    """Nothing is half-written; the request may be sent again and is then answered."""
    service = start_service(store.home.path)
    blocker = sqlite3.connect(store.home.path / "backscore.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")

    refused = [score(service, transaction(1)), service.client.post("/v1/fraud/batch", json={"rows": [transaction(2)]})]
    labels = service.client.post("/v1/fraud/labels", json={"labels": [{"id": "1", "fraud": True}]})
    blocker.execute("ROLLBACK")
    blocker.close()

    for response in (*refused, labels):
        assert response.status_code == 503
        assert response.headers["retry-after"] == "2"
        assert response.json()["detail"].startswith("the database is unavailable")
    assert n_stored(service) == 0
    assert score(service, transaction(1)).status_code == 200


def test_a_version_whose_events_cannot_be_read_does_not_go_live(start_service, store, monkeypatch):
    """The others do, and the error gives the reason."""

    def away(*_arguments, **_named):
        raise DatabaseError("no space left")

    monkeypatch.setattr(EventLog, "__init__", away)
    client = start_service(store.home.path).client

    assert client.get("/health/ready").json()["live"] == {"ads": 1, "chat": 1, "credit": 1, "digits": 1, "forecast": 1}
    assert client.get("/v1/models/fraud").json()["refused"] == "version 1: no space left"


def test_times_without_a_zone_and_in_one_are_the_same_event(service):
    """The id decides, and the moment is the same."""
    first = score(service, transaction(1, time="2024-05-01T20:00:00"))

    assert score(service, transaction(1, time="2024-05-01T22:00:00+02:00")).content == first.content
