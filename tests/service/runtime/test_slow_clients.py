"""The whole service under clients that neither send nor read, over real sockets."""

from __future__ import annotations

import json
import re
import socket
import threading
import time

import httpx
import pytest
import uvicorn

from service.app import create_app
from service.runtime.connection_limits import PatientProtocol
from service.settings import Settings

KEY = "a-key-of-more-than-thirty-two-letters"
LOGIN = (
    b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 9\r\n\r\nke"
)
PAGE = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
MAX_IN_FLIGHT, MAX_KEYLESS = 20, 4


@pytest.fixture
def serve(store):
    """Serves the store's home at a port, with the settings of the test."""
    running = []

    def start(**changes):
        settings = Settings(home=store.home.path, api_key=KEY, **changes)
        quiet = {"log_level": "critical", "ws": "none", "proxy_headers": False}
        server = uvicorn.Server(uvicorn.Config(create_app(settings), http=PatientProtocol, port=0, **quiet))
        thread = threading.Thread(target=server.run)
        thread.start()
        running.append((server, thread))
        while not server.started:
            time.sleep(0.01)
        return server.servers[0].sockets[0].getsockname()[1]

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join()


@pytest.fixture
def connect():
    """Opens connections; all are closed in the end."""
    opened = []

    def open_one(port, timeout=30):
        opened.append(socket.create_connection(("127.0.0.1", port), timeout))
        return opened[-1]

    yield open_one
    for connection in opened:
        connection.close()


def test_incomplete_logins_take_nobodys_place(serve, connect, applicant):
    """Some wait for their body and end in 408, the rest get 503 at once; who has a key scores meanwhile."""
    port = serve(max_in_flight=MAX_IN_FLIGHT, max_keyless_in_flight=MAX_KEYLESS, body_seconds=5)
    connections = [connect(port) for _ in range(MAX_IN_FLIGHT + 5)]
    for connection in connections:
        connection.sendall(LOGIN)
    waiting, refused = connections[:MAX_KEYLESS], connections[MAX_KEYLESS:]
    assert {connection.recv(65_536)[:13] for connection in refused} == {b"HTTP/1.1 503 "}

    answer = httpx.post(f"http://127.0.0.1:{port}/v1/credit/score", json=applicant, headers={"X-API-Key": KEY})

    assert answer.status_code == 200
    assert {connection.recv(65_536)[:13] for connection in waiting} == {b"HTTP/1.1 408 "}
    assert httpx.get(f"http://127.0.0.1:{port}/login").status_code == 200


def test_who_does_not_read_is_disconnected(serve, connect, monkeypatch, eventually, capfd):
    """Unread responses are dropped with the connection; one who reads a little now and then gets all of them."""
    monkeypatch.setattr("service.runtime.connection_limits.READ_SECONDS", 0.3)
    port = serve()
    never, slowly = connect(port), connect(port)
    with httpx.Client() as client:
        n_bytes = len(client.get(f"http://127.0.0.1:{port}/openapi.json").content)
    n_pages = 6_000_000 // n_bytes  # more than the buffers of both ends hold
    for connection in (never, slowly):
        connection.sendall(PAGE * n_pages)

    left = n_pages * n_bytes
    while left > 0:
        part = slowly.recv(65_536)
        assert part, "closed before all was read"
        left -= len(part)
        time.sleep(0.01)

    eventually(lambda: never.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0)
    assert "request failed" not in capfd.readouterr().err


def test_a_long_login_is_not_read(serve):
    """It needs no key, so it must be short; other forms may be long."""
    port = serve()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        token = re.search(r'name="csrf_token" value="([0-9a-f]+)"', client.get("/login").text)[1]
        form = {"csrf_token": token, "key": KEY}
        long = client.post("/login", data={**form, "next": "/" * 20_000}, headers={"Accept": "application/json"})
        short = client.post("/login", data={**form, "next": "/" + "models" * 1_000})
    assert (long.status_code, short.status_code) == (413, 303)
    assert json.loads(long.text)["detail"].startswith("the body exceeds 16,384 bytes")
