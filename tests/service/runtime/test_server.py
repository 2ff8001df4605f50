"""The server accepts many connections at once."""

from __future__ import annotations

import asyncio
import socket

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.runtime.server import N_LISTENERS, AnnouncedServer

N_CLIENTS = 10 * N_LISTENERS


async def rounds_to_accept(server):
    """Rounds of the event loop until all clients that wait at the port are accepted."""
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup()
    address = ("127.0.0.1", server.servers[0].sockets[0].getsockname()[1])
    clients = [socket.create_connection(address) for _ in range(N_CLIENTS)]
    n_rounds = 0
    while len(server.server_state.connections) < N_CLIENTS:
        await asyncio.sleep(0)
        n_rounds += 1
    for client in clients:
        client.close()
    server.should_exit = True
    await server.main_loop()
    await server.shutdown()
    return n_rounds


def test_a_connection_does_not_wait_a_round_for_each_before_it():
    """Under load a round takes tens of milliseconds, so that hundreds of idle clients would keep others out."""
    uvloop = pytest.importorskip("uvloop")
    announced = []
    config = uvicorn.Config(
        lambda: None, http=HttpToolsProtocol, host="127.0.0.1", port=0, log_level="critical", lifespan="off"
    )

    n_rounds = uvloop.run(rounds_to_accept(AnnouncedServer(config, lambda: announced.append(True))))

    assert n_rounds < N_CLIENTS / 2
    assert announced == [True]
