"""Hosts and sites: a page of another site can neither read nor change anything, by any name that leads here."""

import asyncio
import json

import pytest

from service.access.hosts import Hosts
from service.errors import InvalidHostError, UnknownHostError
from tests.service.access.test_keys import header, make

CHANGES = {
    "/v1/models/credit/promote": {"version": 2},
    "/v1/models/credit/rollback": {},
    "/v1/outcomes": {"outcomes": []},
    "/v1/credit/score": {},
    "/v1/credit/batch": {"rows": []},
    "/v1/fraud/labels": {"labels": []},
    "/v2/models/credit/infer": {"inputs": []},
}
READS = ["/", "/v1/models", "/metrics", "/docs", "/openapi.json", "/guide", "/login", "/models/credit"]
ANYWHERE = "0.0.0.0"  # noqa: S104 - nothing listens
EVIL = "evil.example"


def asked(client, path, host, *, method="GET"):
    """An answer to a request for another host."""
    return client.request(method, path, headers={"Host": host}, json={} if method == "POST" else None)


def test_a_name_that_was_led_here_reads_and_changes_nothing(start_service, store):
    """DNS rebinding: the browser takes the service for evil.example, so all headers agree."""
    client = start_service(store.home.path).client
    headers = {"Host": f"{EVIL}:8000", "Origin": f"http://{EVIL}:8000", "Sec-Fetch-Site": "same-origin"}
    for path in READS:
        refused = client.get(path, headers={**headers, "Accept": "text/html"})
        assert refused.status_code == 421
        assert "fraud" not in refused.text  # nor does a page of the problem name the models
        assert "csrf" not in refused.text
    for path, body in CHANGES.items():
        refused = client.post(path, headers=headers, json=body)
        assert (refused.status_code, refused.json()["type"]) == (421, "urn:backscore:unknown-host")
        assert "BACKSCORE_ALLOWED_HOSTS" in refused.json()["detail"]
    assert store.registry.champion("credit").number == 1


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": f"https://{EVIL}"},
        {"Origin": "null"},
        {"Origin": f"http://127.0.0.1:8000.{EVIL}"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:8000"},
    ],
)
def test_pages_of_other_sites_change_nothing_without_keys(service, path, headers):
    """Whatever they send; the service needs no key, so nothing else would stop them."""
    for kind in ("application/json", "text/plain"):
        refused = service.client.post(
            path, headers={**headers, "Content-Type": kind}, content=json.dumps(CHANGES[path])
        )
        assert (refused.status_code, refused.json().get("type", "")) in [
            (403, "urn:backscore:foreign-site"),
            (403, ""),  # the inference protocol has its own form of errors
        ]
        assert "X-API-Key" in refused.text


def test_programs_and_own_pages_change_things(start_service, store, applicant):
    """As before: without these headers, from a page of the service, or, from anywhere, with a key in a header."""
    client = start_service(store.home.path).client
    for headers in ({}, {"Origin": "http://127.0.0.1:8000"}, {"Sec-Fetch-Site": "same-origin"}):
        assert client.post("/v1/credit/score", json=applicant, headers=headers).status_code == 200
    assert client.get("/v1/models", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200  # a link to it

    key = make(store, "proxy")
    closed = start_service(store.home.path).client
    foreign = {"Origin": "https://shop.example", "Sec-Fetch-Site": "cross-site"}
    assert closed.post("/v1/credit/score", json=applicant, headers=foreign | header(key)).status_code == 200


def test_a_body_says_that_it_is_json(client, applicant):
    """Pages of other sites can send bodies without a media type, or as text, without asking first."""
    for path in CHANGES:
        for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}):
            refused = client.post(path, content=json.dumps(applicant).encode(), headers=headers)
            assert refused.status_code == 415, path
            assert "application/json" in refused.text
    assert "in Triton's client" in client.post("/v2/models/credit/infer", content=b"{}").text


def hosts(own="127.0.0.1", allowed="", *, keys=False):
    return Hosts(own, allowed, lambda: keys)


def check(rule, *names, path="/", version="1.1"):
    """What the rule says of a request with these headers Host."""
    headers = [(b"host", name.encode("latin-1")) for name in names]
    rule.check({"headers": [(b"accept", b"*/*"), *headers], "path": path, "http_version": version})


@pytest.mark.parametrize(
    "name", ["127.0.0.1", "localhost:8000", "LOCALHOST", "[::1]:8000", "app.localhost", "localhost.", "127.8.0.1"]
)
def test_loopback_has_many_names(name):
    """In any spelling, with and without a port."""
    check(hosts(), name)


@pytest.mark.parametrize("name", [EVIL, "127.0.0.1.evil.example", "evil-localhost", "10.0.0.1", "2130706433"])
@pytest.mark.parametrize(
    "rule", [hosts(), hosts(keys=True), hosts(ANYWHERE), hosts("::1"), hosts(allowed="ok.example")]
)
def test_other_names_are_refused(rule, name):
    """On loopback with and without keys, and everywhere without keys."""
    with pytest.raises(UnknownHostError, match="BACKSCORE_ALLOWED_HOSTS"):
        check(rule, name)


def test_allowed_names():
    """Each is one, those below one, or any."""
    rule = hosts(allowed=" scores.example.com, *.corp.example ,[fd00::1]")
    for name in ("scores.example.com", "Scores.Example.com:443", "a.corp.example", "a.b.corp.example", "[FD00::1]:80"):
        check(rule, name)
    for name in ("example.com", "x.scores.example.com", "corp.example", "evilcorp.example"):
        with pytest.raises(UnknownHostError):
            check(rule, name)
    check(hosts(allowed="*"), EVIL)


def test_behind_keys_any_name_will_do_unless_names_are_listed():
    """A service that others reach has names that it cannot know; health answers for addresses of replicas."""
    check(hosts(ANYWHERE, keys=True), EVIL)
    with pytest.raises(UnknownHostError):
        check(hosts(ANYWHERE, "scores.example.com", keys=True), EVIL)
    check(hosts(ANYWHERE, "scores.example.com", keys=True), "10.1.2.3:8000", path="/health/ready")


@pytest.mark.parametrize(
    "names",
    [(), ("localhost", "localhost"), ("localhost", EVIL), ("",), ("a b",), ("user@localhost",), ("localhost/x",)],
)
@pytest.mark.parametrize("path", ["/v1/models", "/health/live"])
def test_a_request_has_one_host(names, path):
    """Else a proxy and the service might disagree on which it is."""
    for rule in (hosts(), hosts(ANYWHERE, keys=True), hosts(allowed="*")):
        with pytest.raises(InvalidHostError, match="one header Host"):
            check(rule, *names, path=path)
    if len(names) > 1:
        with pytest.raises(InvalidHostError):
            check(hosts(), *names, version="1.0")


def test_http_1_0_may_leave_it_out():
    """No browser speaks it; some load balancers do."""
    check(hosts(), version="1.0")


def test_a_doubled_host_is_refused_over_http(client):
    """As a client sends it."""
    refused = client.get("/v1/models", headers=[("Host", "localhost"), ("Host", "localhost")])
    assert (refused.status_code, refused.json()["type"]) == (400, "urn:backscore:invalid-host")


def test_a_missing_host_is_refused_over_http(client):
    """The client of tests always sends one, so the application is called directly."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b""}

    scope = {"type": "http", "method": "GET", "path": "/v1/models", "headers": [], "query_string": b""}
    asyncio.run(client.app({**scope, "http_version": "1.1", "scheme": "http"}, receive, send))
    assert sent[0]["status"] == 400


def test_a_configured_name_answers(start_service, store):
    """Over HTTP."""
    client = start_service(store.home.path, allowed_hosts="scores.example").client
    assert asked(client, "/v1/models", "scores.example").status_code == 200
    assert asked(client, "/v1/models", "127.0.0.1:8000").status_code == 200
    assert asked(client, "/v1/models", EVIL).status_code == 421


@pytest.mark.parametrize("path", ["/v1/models", "/", "/models/credit", "/v1/credit/score", "/login", "/nowhere"])
def test_nothing_is_kept_by_caches(client, path):
    """Answers, pages and refusals, each said once; only files that all share may be kept."""
    for answer in (client.get(path), client.post(path, json={"name": "Jane Doe"})):
        assert answer.headers.get_list("cache-control") == ["no-store"]
    style = next(part for part in client.get("/").text.split('"') if part.startswith("/static/pages"))
    assert client.get(style).headers.get_list("cache-control") == ["public, max-age=31536000, immutable"]
