"""Keys over HTTP: who may ask for what, how often, until when; and what a service without keys is open for."""

import asyncio
import re
import threading
import timeit
import tracemalloc
from contextlib import ExitStack
from datetime import timedelta

import anyio
import pytest
from pydantic import SecretStr

from models.errors import DatabaseError
from models.records.audit_log.log import PredictionLog
from service.access.callers import ANYONE, ENVIRONMENT
from service.access.key_gate import scope_needed
from service.access.key_ring import KeyRing
from service.access.key_store import KeyStore
from service.access.rates import Rate
from service.errors import KeysUnreadError, MissingKeyError, RateLimitError
from tests.conftest import MOMENT


def make(store, name, scopes="score", **options):
    """A key for the service that will run on the store's home."""
    keys = KeyStore(store.registry._engine, now=lambda: MOMENT)
    given = {"rate": None, "expires": None, **options}
    return keys.create(name, scopes.split(","), actor="tests", **given)[1]


def header(key):
    return {"X-API-Key": key}


def test_a_key_opens_what_its_scopes_say(start_service, store, applicant):
    """Each of these includes reading; the problem of a missing scope names it and those there are."""
    score, outcomes, admin = (make(store, name, name) for name in ("score", "outcomes", "admin"))
    client = start_service(store.home.path).client
    promote, body = "/v1/models/credit/promote", {"version": 2}

    assert client.get("/v1/models").status_code == 401
    for key in (score, outcomes, admin):
        assert client.get("/v1/models", headers=header(key)).status_code == 200
    assert client.post("/v1/credit/score", headers=header(score), json=applicant).status_code == 200
    assert client.post("/v1/credit/score", headers=header(admin), json=applicant).status_code == 200
    refused = client.post("/v1/credit/score", headers=header(outcomes), json=applicant)
    assert refused.status_code == 403
    assert refused.json()["detail"] == "the key lacks the scope 'score'; its scopes: outcomes; see /guide/security"
    assert client.post(promote, headers=header(score), json=body).status_code == 403
    assert client.post(promote, headers=header(admin), json=body).status_code == 200
    assert store.registry.history("credit")[-1].actor == "key admin"


def test_a_key_may_only_read(start_service, store, applicant):
    """Everything, and change nothing; one for metrics reads nothing else."""
    read, metrics = make(store, "read", "read"), make(store, "metrics", "metrics")
    client = start_service(store.home.path).client

    paths = ("/v1/models", "/v1/models/credit", "/metrics", "/", "/models/credit", "/v2/models/credit")
    assert {client.get(path, headers=header(read)).status_code for path in paths} == {200}
    assert client.get("/metrics", headers=header(metrics)).status_code == 200
    refused = [client.get(path, headers=header(metrics)) for path in paths if path != "/metrics"]
    assert {answer.status_code for answer in refused} == {403}
    assert refused[0].json()["detail"].startswith("the key lacks the scope 'read'; its scopes: metrics")
    for path, body in (
        ("/v1/credit/score", applicant),
        ("/v1/outcomes", {"outcomes": [{"prediction_id": "x", "outcome": True}]}),
        ("/v1/models/credit/promote", {"version": 2}),
    ):
        for key in (read, metrics):
            assert client.post(path, headers=header(key), json=body).status_code == 403
    for scope in ("score", "outcomes", "admin"):  # which could read before there was "read"
        key = make(store, f"only-{scope}", scope)
        client = start_service(store.home.path).client
        assert client.get("/metrics", headers=header(key)).status_code == 200
        assert client.get("/v1/models", headers=header(key)).status_code == 200


def test_records_name_the_key(start_service, store, applicant):
    """By its id, which is no secret; and so does the line in the log."""
    key = make(store, "score")
    service = start_service(store.home.path)
    answer = service.client.post("/v1/credit/score", headers=header(key), json=applicant).json()
    log: PredictionLog = service.client.app.state.predictions
    assert log.prediction(answer["prediction_id"]).key_id == key.split("_")[1]
    assert service.log_lines("request")[-1]["key"] == key.split("_")[1]
    assert key.split("_", 2)[2] not in service.log.getvalue()


def test_unknown_revoked_and_expired_keys_are_refused_alike(start_service, store):
    """With the same bytes but for the name of the request."""
    good, revoked = make(store, "good"), make(store, "revoked")
    expired = make(store, "expired", expires=MOMENT)
    KeyStore(store.registry._engine).revoke("revoked", actor="tests")
    client = start_service(store.home.path).client
    wrong = ["", "x", "bsk_", "bsk_a_b", good[:-1], good + "x", "ä", revoked, expired, good.replace("bsk", "BSK")]
    answers = [client.get("/v1/models", headers={"X-API-Key": key.encode(), "X-Request-ID": "r"}) for key in wrong]
    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}
    assert client.get("/v1/models", headers=header(good)).status_code == 200


def test_a_running_service_learns_of_keys(start_service, store, eventually):
    """Of the first one ever, which closes it, and of one that is revoked."""
    client = start_service(store.home.path).client
    assert client.get("/v1/models").status_code == 200
    key = make(store, "first")
    eventually(lambda: client.get("/v1/models").status_code == 401)
    assert client.get("/v1/models", headers=header(key)).status_code == 200
    KeyStore(store.registry._engine).revoke("first", actor="tests")
    eventually(lambda: client.get("/v1/models", headers=header(key)).status_code == 401)


@pytest.fixture
def take_all_threads():
    """Takes the threads of a running service that requests share, until the test is over."""
    done = threading.Event()

    def take(client):
        async def block():
            loop, limiter = asyncio.get_running_loop(), anyio.to_thread.current_default_thread_limiter()
            for _ in range(200):
                loop.run_in_executor(None, done.wait)
                loop.create_task(anyio.to_thread.run_sync(done.wait))
            while limiter.available_tokens:
                await asyncio.sleep(0.001)

        client.portal.call(block)

    yield take
    done.set()


def test_a_revoked_key_stops_while_all_threads_are_taken(start_service, store, applicant, eventually, take_all_threads):
    """As a new one begins, and a new champion; metrics go on, too. None of them waits for a thread of requests."""
    revoked = make(store, "revoked", "admin")
    client = start_service(store.home.path, poll_seconds=0.02).client

    def status(key):
        return client.post("/v1/credit/score", headers=header(key), json=applicant).status_code

    assert status(revoked) == 200
    take_all_threads(client)
    KeyStore(store.registry._engine).revoke("revoked", actor="tests")
    eventually(lambda: status(revoked) == 401)
    new = make(store, "new", "admin")
    eventually(lambda: status(new) == 200)
    store.registry.promote("credit", 2, actor="tests", why="")
    eventually(lambda: client.get("/health/ready").json()["live"]["credit"] == 2)
    assert client.get("/metrics", headers=header(new)).status_code == 200


def test_a_revoked_key_stops_while_all_connections_are_taken(start_service, store, applicant, eventually):
    """Slow requests may hold every connection of their pool: polls and the audit log have their own."""
    key = make(store, "k")
    service = start_service(store.home.path, poll_seconds=0.02)
    engine = service.client.app.state.predictions.engine
    with ExitStack() as taken:
        for _ in range(engine.pool.size() + engine.pool._max_overflow):
            taken.enter_context(engine.connect())
        answered = service.client.post("/v1/credit/score", headers=header(key), json=applicant)
        assert answered.status_code == 200
        KeyStore(store.registry._engine).revoke("k", actor="tests")
        eventually(
            lambda: service.client.post("/v1/credit/score", headers=header(key), json=applicant).status_code == 401
        )


@pytest.mark.parametrize("way", ["header", "form"])
def test_wrong_keys_are_limited_by_address(start_service, store, monkeypatch, way):
    """Beyond the limit 429 with Retry-After; right keys and requests without any are not counted."""
    monkeypatch.setattr("service.access.wrong_keys.RATE", Rate.parse("3/h"))
    key = make(store, "good")
    client = start_service(store.home.path).client
    token = re.search(r'name="csrf_token" value="([0-9a-f]+)"', client.get("/login").text)[1]

    def ask(wrong):
        if way == "header":
            return client.get("/v1/models", headers=header(wrong))
        return client.post("/login", data={"key": wrong, "csrf_token": token})

    statuses = [client.get("/v1/models").status_code for _ in range(5)]
    answers = [ask(f"bsk_wrong_{number}") for number in range(5)]
    assert statuses == [401] * 5
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert client.get("/v1/models", headers=header(key)).status_code == 200


def test_a_key_that_asks_too_often_is_told_when_to_come_back(start_service, store):
    """429 with Retry-After; earlier responses have the remaining quota."""
    key = make(store, "slow", rate="2/h")
    client = start_service(store.home.path).client
    first, second, third = (client.get("/v1/models", headers=header(key)) for _ in range(3))
    assert [one.headers.get("ratelimit-remaining") for one in (first, second)] == ["1", "0"]
    assert first.headers["ratelimit-limit"] == "2"
    assert third.status_code == 429
    assert 1_700 < int(third.headers["retry-after"]) <= 1_800
    assert (third.headers["ratelimit-limit"], third.headers["ratelimit-remaining"]) == ("2", "0")
    assert client.get("/health/ready").status_code == 200


def test_workers_share_a_rate(start_service, store):
    """Of four an hour each of two workers grants two."""
    key = make(store, "slow", rate="4/h")
    client = start_service(store.home.path, workers=2).client
    answers = [client.get("/v1/models", headers=header(key)) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]


def test_until_the_keys_are_read_nobody_is_let_in(start_service, store, applicant, monkeypatch, eventually):
    """A database that is away when the service begins opens nothing; what is open to all stays open."""
    key = make(store, "ops", "admin")
    before = store.registry.champion("credit")
    read, is_away = KeyStore.all, [True]

    def read_if_there(keys):
        if is_away[0]:
            raise DatabaseError("secret-host is down")
        return read(keys)

    monkeypatch.setattr(KeyStore, "all", read_if_there)
    client = start_service(store.home.path).client
    for headers in ({}, header(key), header("wrong")):
        refused = client.post("/v1/models/credit/promote", headers=headers, json={"version": 2})
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:backscore:keys-unread")
        assert "retry-after" in refused.headers
        assert "secret-host" not in refused.text
        assert client.post("/v1/credit/score", headers=headers, json=applicant).status_code == 503
    assert store.registry.champion("credit") == before
    assert client.get("/health/live").status_code == 200

    is_away[0] = False
    eventually(lambda: client.get("/v1/models", headers=header(key)).status_code == 200)
    assert client.get("/v1/models").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("GET", "/v1/models/credit", "read"),
        ("GET", "/learn/train", "read"),
        ("GET", "/metrics", "metrics"),
        ("HEAD", "/v1/models", "read"),
        ("POST", "/v1/credit/score", "score"),
        ("POST", "/v1/ads/rank", "score"),
        ("POST", "/v2/models/credit/infer", "score"),
        ("POST", "/v2/models/credit/versions/1/infer", "score"),
        ("POST", "/v1/outcomes", "outcomes"),
        ("POST", "/v1/fraud/labels", "outcomes"),
        ("POST", "/v1/fraud/alerts/3/verdict", "outcomes"),
        ("GET", "/", "read"),
        ("GET", "/models/credit/promote", "read"),
        ("POST", "/models/credit", "score"),
        ("POST", "/models/fraud/alerts/3/verdict", "outcomes"),
        ("POST", "/models/credit/inbox", "outcomes"),
        ("GET", "/models/credit/inbox", "read"),
        ("POST", "/models/credit/rollback", "admin"),
        ("POST", "/v1/models/credit/promote", "admin"),
        ("POST", "/v1/models", "admin"),
        ("DELETE", "/v1/models/credit/challenger", "admin"),
        ("PUT", "/v1/credit/score", "admin"),
        ("POST", "//v1/credit/score", "admin"),
        ("POST", "/v1/credit/score/", "admin"),
    ],
)
def test_scopes_of_paths(method, path, needed):
    """What is not known needs the most."""
    assert scope_needed(method, path) == needed


def test_the_documentation_names_scopes(start_service, store):
    """Each path that needs a key says for what; once the first key is made, the document says so."""
    make(store, "key")
    document = start_service(store.home.path).client.get("/openapi.json").json()
    score = document["paths"]["/v1/credit/score"]["post"]
    assert "scope `score`" in score["description"]
    assert {"401", "403", "429"} <= score["responses"].keys()
    assert "scope `read`" in document["paths"]["/v1/models"]["get"]["description"]
    assert "security" not in document["paths"]["/health/live"]["get"]


class Shelf:
    """A store of keys that counts how often it is read."""

    def __init__(self, *keys):
        self.keys, self.n_reads, self.is_away = list(keys), 0, False

    def all(self):
        self.n_reads += 1
        if self.is_away:
            raise DatabaseError("away")
        return self.keys


@pytest.fixture
def kept(store):
    """A key as it is kept, with a rate, and the key itself."""
    keys = KeyStore(store.registry._engine, now=lambda: MOMENT)
    return keys.create("k", ["score"], rate="4/s", expires=MOMENT + timedelta(hours=1), actor="tests")


def ring_of(shelf, api_key=None, share=1.0, now=lambda: MOMENT, seconds=lambda: 0.0):
    ring = KeyRing(shelf, api_key=api_key, share=share, now=now, seconds=seconds)
    ring.refresh()
    return ring


def test_without_any_key_anyone_may_ask():
    """And with one in the environment it alone opens everything."""
    assert ring_of(Shelf()).caller_of(None) is ANYONE
    ring = ring_of(Shelf(), SecretStr("open"))
    assert ring.caller_of(b"open") is ENVIRONMENT
    for wrong in (None, b"", b"Open"):
        with pytest.raises(MissingKeyError):
            ring.caller_of(wrong)


def test_the_key_of_the_environment_needs_no_database():
    """It is accepted before the others are; they are not refused meanwhile."""
    ring = KeyRing(Shelf(), api_key=SecretStr("open"), share=1.0, now=lambda: MOMENT)
    assert ring.caller_of(b"open") is ENVIRONMENT
    for presented in (None, b"bsk_a_b"):
        with pytest.raises(KeysUnreadError):
            ring.caller_of(presented)


def test_a_key_expires_while_the_service_runs(kept):
    """By the service's clock."""
    key, text = kept
    moment = [MOMENT]
    ring = ring_of(Shelf(key), now=lambda: moment[0])
    assert ring.caller_of(text.encode()).name == "k"
    moment[0] += timedelta(hours=1)
    with pytest.raises(MissingKeyError):
        ring.caller_of(text.encode())


def test_workers_divide_a_rate_and_polling_does_not_refill_it(kept):
    """Half of four a second, however often the keys are read anew."""
    key, text = kept
    ring = ring_of(Shelf(key), share=0.5)
    caller = ring.caller_of(text.encode())
    for _ in range(2):
        ring.take(caller)
        ring.refresh()
    with pytest.raises(RateLimitError, match="burst 2"):
        ring.take(caller)


def test_without_a_database_the_keys_stay_as_they_are(kept):
    """Polling goes on."""
    key, text = kept
    shelf = Shelf(key)
    ring = ring_of(shelf)
    shelf.is_away = True

    for _ in range(3):
        ring.poll()
    assert shelf.n_reads == 4
    assert ring.caller_of(text.encode()).id == key.id


def test_wrong_keys_cost_no_memory_and_no_look_at_the_database(kept):
    """Ten thousand of them; one takes microseconds."""
    shelf = Shelf(kept[0])
    ring = ring_of(shelf)

    def ask(number):
        with pytest.raises(MissingKeyError):
            ring.caller_of(b"bsk_%d_wrong" % number)

    for number in range(100):
        ask(number)
    tracemalloc.start()
    for number in range(10_000):
        ask(number)
    # of the ring alone: the services of other tests run on beside
    ours = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*key_ring.py")])
    tracemalloc.stop()
    assert sum(one.size for one in ours.statistics("filename")) < 100_000
    assert shelf.n_reads == 1


def test_a_key_is_checked_in_microseconds(kept):
    """The most frequent path does it each time; 20 us leave room for slow machines."""
    key, text = kept
    ring, presented = ring_of(Shelf(key)), text.encode()
    assert min(timeit.repeat(lambda: ring.caller_of(presented), number=1_000, repeat=5)) / 1_000 < 20e-6
