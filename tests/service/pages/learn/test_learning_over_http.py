"""Clients of /learn that disconnect or do not read, over real sockets: a training ends with its client."""

import http.client
import io
import json
import socket
import threading
import time
from contextlib import closing
from urllib.parse import urlencode

import pytest
import uvicorn

from models.playground.run import Run
from service.app import create_app
from service.pages.learn import routes as learning_routes
from service.pages.learn import trainings
from service.runtime.server import PROTOCOL
from service.settings import Settings

LONG = {"n_rows": 2_000, "batch_size": 1, "hidden": "64,64,64,64", "n_epochs": 1_000}
MANY_PICTURES = {**LONG, "n_rows": 20, "batch_size": 20}
"""Two hundred of a third of a megabyte, quickly: more than the system holds for whoever does not read."""


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """A service without models."""
    app = create_app(
        Settings(home=tmp_path_factory.mktemp("home"), poll_seconds=3600, body_seconds=1), log_to=io.StringIO()
    )
    config = uvicorn.Config(app, http=PROTOCOL, port=0, log_level="critical", ws="none", proxy_headers=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


@pytest.fixture
def steps_taken(monkeypatch):
    """Has one more element after each step that any network takes."""
    taken, take_step = [], Run.take_step

    def counted(run):
        taken.append(None)
        take_step(run)

    monkeypatch.setattr(Run, "take_step", counted)
    return taken


def ask(port, what, **given):
    """A connection with this request."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(f"GET /learn/{what}?{urlencode(given)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return connection


def status(port, what="state", **given):
    """Status and headers of an answer that is read to its end."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", f"/learn/{what}?{urlencode(given)}")
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers


def test_the_third_is_refused_until_one_of_two_leaves(port, eventually):
    """Whether the third wants to look on or only to look once; the refusal says when to come again."""
    with closing(ask(port, "train", **LONG)) as first, closing(ask(port, "train", **LONG, seed=1)) as second:
        assert b" 200 " in first.recv(20)
        assert b" 200 " in second.recv(20)
        for what in ("train", "state", "trace"):
            refused, headers = status(port, what)
            assert (refused, headers["retry-after"]) == (429, "5")
    eventually(lambda: status(port)[0] == 200)


@pytest.mark.parametrize(
    ("what", "steps"), [("train", 0), ("train", 1_000_000), ("state", 1_000_000), ("trace", 1_000_000)]
)
def test_nothing_is_learned_for_a_client_that_has_left(port, steps_taken, eventually, what, steps):
    """Be it that it has seen something, or that the network was still on its way to where it was to be seen."""
    with closing(ask(port, what, **LONG, steps=steps)):
        eventually(lambda: len(steps_taken) > 100)
    time.sleep(0.5)
    n_taken = len(steps_taken)
    time.sleep(0.3)
    assert len(steps_taken) == n_taken
    assert status(port)[0] == 200


def test_whoever_does_not_read_loses_the_place(port, monkeypatch, eventually):
    """Otherwise two connections that do not read would block all others."""
    for module in (trainings, learning_routes):
        monkeypatch.setattr(module, "MAX_SECONDS", 1.5)
    monkeypatch.setattr(trainings, "FRAME_SECONDS", 0.0)
    monkeypatch.setattr(learning_routes, "SECONDS_TO_READ", 0.5)
    with closing(ask(port, "train", **MANY_PICTURES)), closing(ask(port, "train", **MANY_PICTURES, seed=1)):
        eventually(lambda: status(port)[0] == 429)
        eventually(lambda: status(port)[0] == 200)


def test_a_long_way_to_a_state_is_no_slow_body(port, monkeypatch):
    """While the service listens for the client to leave, it waits for nothing that the client would have to send."""
    monkeypatch.setattr(trainings, "MAX_SECONDS", 2.0)  # a second more than a body may take
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", f"/learn/state?{urlencode({**LONG, 'steps': 1_000_000, 'seed': 2})}")
        answer = connection.getresponse()
        assert (answer.status, json.load(answer)["type"]) == (422, "urn:backscore:training-too-long")
