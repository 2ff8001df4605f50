"""The server's protocol under clients that behave badly, over real sockets."""

import asyncio
import socket
import threading
import time
from contextlib import closing, suppress
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
import uvicorn
from uvicorn.server import ServerState

from service.runtime.connection_limits import MAX_HEADER_BYTES, ConnectionLimits, PatientProtocol

HEADER_SECONDS = 0.3
MOST = 4
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Application:
    """Says hello, after a while if asked for /slow."""

    state = SimpleNamespace(connection_limits=ConnectionLimits(MOST, HEADER_SECONDS))

    async def __call__(self, scope, receive, send):
        message = await receive()
        while message.get("more_body"):
            message = await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"hello"})


@pytest.fixture(scope="module")
def port():
    """A server with little patience."""
    quiet = {"log_level": "error", "lifespan": "off", "ws": "none", "proxy_headers": False}
    config = uvicorn.Config(Application(), http=PatientProtocol, port=0, **quiet)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


@pytest.fixture
def connect(port):
    """Opens connections, all closed in the end."""
    opened = []

    def open_one():
        connection = socket.create_connection(("127.0.0.1", port), timeout=5)
        opened.append(connection)
        return connection

    yield open_one
    for connection in opened:
        connection.close()


def read_all(connection):
    """Whatever comes until the server closes the connection."""
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def ask(connection):
    """The status line of a request."""
    connection.sendall(REQUEST)
    return connection.recv(65_536).partition(b"\r\n")[0]


def dribble(connection, parts, pause):
    """Send parts with pauses until the server has had enough; what it said."""
    connection.settimeout(pause)
    for part in parts:
        connection.sendall(part)
        try:
            if said := connection.recv(65_536):
                connection.settimeout(5)
                with suppress(ConnectionResetError):  # what was sent meanwhile finds the connection closed
                    said += read_all(connection)
                return said
        except TimeoutError:
            continue
    raise AssertionError("the server waited for ever")


@pytest.mark.parametrize("asks_before", [False, True])
def test_dribbled_headers_end_in_408(connect, asks_before):
    """On a new connection and on one that has had an answer."""
    started = time.monotonic()  # before the server's clock, which begins with the connection
    connection = connect()
    if asks_before:
        assert ask(connection) == b"HTTP/1.1 200 OK"

    said = dribble(connection, [REQUEST[i : i + 1] for i in range(len(REQUEST) - 3)] * 2, 0.05)

    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"urn:backscore:slow-headers" in said
    assert time.monotonic() - started > HEADER_SECONDS * 0.9


def test_a_connection_that_says_nothing_is_closed(connect):
    """Without an answer, since there was no request."""
    started = time.monotonic()

    assert read_all(connect()) == b""
    assert time.monotonic() - started > HEADER_SECONDS * 0.9


def test_headers_have_an_end(connect):
    """However fast they come."""
    connection = connect()
    connection.sendall(b"GET / HTTP/1.1\r\n")
    said = b""
    try:
        for _ in range(2 * MAX_HEADER_BYTES // 1000):
            connection.sendall(b"X-Filler: " + b"x" * 988 + b"\r\n")
    except OSError:
        pass
    with_reset = False
    try:
        said = read_all(connection)
    except ConnectionResetError:
        with_reset = True

    assert with_reset or said.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    ("header_bytes", "body_bytes", "refused"), [(70_000, 0, True), (60_000, 0, False), (60_000, 100_000, False)]
)
def test_headers_that_come_in_one_piece_have_an_end_too(header_bytes, body_bytes, refused):
    """They are counted to the byte, without the body that came with them."""
    request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nX-Filler: " % body_bytes
    request += b"x" * header_bytes + b"\r\n\r\n" + b"y" * body_bytes

    async def answered():
        config = uvicorn.Config(Application(), log_level="error", lifespan="off", ws="none", proxy_headers=False)
        config.load()
        protocol, transport = PatientProtocol(config, ServerState(), {}), MagicMock()
        transport.is_closing.return_value = False
        transport.get_extra_info.side_effect = lambda name, *_: MagicMock() if name == "socket" else None
        protocol.connection_made(transport)
        protocol.data_received(request)
        protocol.connection_lost(None)
        return b"".join(call.args[0] for call in transport.write.call_args_list)

    assert asyncio.run(answered()).startswith(b"HTTP/1.1 431 ") is refused


def test_slow_headers_that_come_in_time_are_fine(connect):
    """Several pieces, several requests, and two in one piece."""
    connection = connect()
    for _ in range(3):
        for piece in (REQUEST[:5], REQUEST[5:20]):
            connection.sendall(piece)
            time.sleep(0.05)
        connection.sendall(REQUEST[20:])
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
    connection.sendall(REQUEST + REQUEST)
    said = b""
    while said.count(b"hello") < 2:
        said += connection.recv(65_536)

    assert said.count(b"HTTP/1.1 200 ") == 2


def test_idle_connections_give_way(connect):
    """When all are taken, one that waits for nothing is closed; when all are busy, the next is sent away."""
    idle = connect()
    assert ask(idle) == b"HTTP/1.1 200 OK"
    busy = [connect() for _ in range(MOST - 1)]
    for connection in busy:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")
    time.sleep(0.1)

    one_more = connect()
    one_more.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")
    time.sleep(0.1)
    sent_away = read_all(connect())
    try:
        said_to_idle = ask(idle)
    except ConnectionError:
        said_to_idle = b""
    for connection in (*busy, one_more):
        connection.sendall(b"cde")

    assert said_to_idle == b""
    assert sent_away.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after" in sent_away.lower()
    assert all(connection.recv(65_536).startswith(b"HTTP/1.1 200 ") for connection in (*busy, one_more))


def test_there_are_no_more_connections_than_files():
    """The limit of the system comes before that of the settings."""
    assert ConnectionLimits.within_the_systems(10**9, 1).max_connections < 10**9
    assert ConnectionLimits.within_the_systems(1, 1).max_connections == 1


def test_the_client_is_told_before_the_connection_closes(connect):
    """The answer to bad headers is a problem as every other one."""
    with closing(connect()) as connection:
        said = dribble(connection, [REQUEST[:4], *[b""] * 50], 0.05)
    head, _, body = said.partition(b"\r\n\r\n")

    assert b"application/problem+json" in head
    assert f"content-length: {len(body)}".encode() in head
