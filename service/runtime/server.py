"""The server around the application: one process, or several workers under a supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import socket
from tempfile import TemporaryDirectory
from threading import Thread

import uvicorn
from uvicorn.config import LOGGING_CONFIG
from uvicorn.supervisors.multiprocess import Multiprocess

from service.settings import Settings

APP = "service.app:app_from_environment"
PROTOCOL = "service.runtime.connection_limits:PatientProtocol"
MAX_START_SECONDS = 3600
N_LISTENERS = 16
"""How often a process listens at its port, which is how many connections it can accept in one round of its event loop.

libuv accepts one per listener and round. Rounds are long while many requests are under way, and a connection that comes
after hundreds of others would wait for as many.
"""
LOG_CONFIG = {
    **LOGGING_CONFIG,
    "formatters": {**LOGGING_CONFIG["formatters"], "default": {"()": "service.logs.ServerFormatter"}},
}
FORCED = 128 + signal.SIGTERM
"""Exit status after a second signal, as if the signal itself had ended the process."""


def run_server(settings: Settings, on_listening: Callable[[], None]) -> int:
    """Serve until a signal; returns the exit status, 0 after a graceful shutdown.

    Each worker creates its application from the BACKSCORE_* variables. `on_listening` is called once the port is open,
    with several workers from another thread.
    """
    config = uvicorn.Config(
        APP,
        factory=True,
        http=PROTOCOL,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        ws="none",
        log_level="warning",  # the service writes its own log
        log_config=LOG_CONFIG,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing depends on the client's address
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=round(settings.request_seconds) + 1,  # by then every request has been aborted
    )
    if settings.workers == 1:
        return _run_alone(config, on_listening)
    with _metrics_folder(settings):
        workers = Workers(config, [config.bind_socket()], on_listening)
        workers.run()
        return workers.status


class Workers(Multiprocess):
    """Several workers; a second signal ends them at once.

    Attributes
    ----------
    status : exit status of the service, once it has ended.
    """

    status = 0

    def __init__(self, config: uvicorn.Config, sockets: list[socket], on_listening: Callable[[], None]) -> None:
        super().__init__(config, sockets)
        self._on_listening = on_listening

    def init_processes(self) -> None:
        """Start the workers, and announce the service when the first of them listens."""
        super().init_processes()
        Thread(target=self._announce, name="announcement", daemon=True).start()

    def _announce(self) -> None:
        if self.processes[0].wait_until_ready(MAX_START_SECONDS, self.should_exit):
            self._on_listening()

    def join_all(self) -> None:
        """Wait for the workers to end; kill the remaining ones if another signal arrives."""
        self.signal_queue.clear()
        while any(one.process.is_alive() for one in self.processes):
            if signal.SIGTERM in self.signal_queue or signal.SIGINT in self.signal_queue:
                self.status = FORCED
                for one in self.processes:
                    one.process.kill()
            time.sleep(0.05)
        super().join_all()


class AnnouncedServer(uvicorn.Server):
    """A server that announces that its port is open."""

    def __init__(self, config: uvicorn.Config, on_listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Load the application and open the port."""
        await super().startup(sockets)
        if self.started:
            await self._accept_more()
            self._on_listening()

    async def _accept_more(self) -> None:
        """Listen N_LISTENERS times at each port."""
        loop = asyncio.get_running_loop()
        opened = [listener.fileno() for server in self.servers for listener in server.sockets]
        for number in opened * (N_LISTENERS - 1):
            again = socket(fileno=os.dup(number))
            self.servers.append(await loop.create_server(self._connection, sock=again, backlog=self.config.backlog))

    def _connection(self) -> asyncio.Protocol:
        protocol = self.config.http_protocol_class
        made: asyncio.Protocol = protocol(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made


def _run_alone(config: uvicorn.Config, on_listening: Callable[[], None]) -> int:
    # after a graceful shutdown uvicorn raises the signal again for the handlers before it, which must not end us
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    server = AnnouncedServer(config, on_listening)
    try:
        server.run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0 if server.started else 1


@contextmanager
def _metrics_folder(settings: Settings) -> Iterator[None]:
    """Provide a temporary folder for the workers' metrics unless one is configured."""
    if settings.metrics_folder is not None:
        yield
        return
    with TemporaryDirectory(prefix="backscore-metrics-") as folder:
        os.environ["BACKSCORE_METRICS_FOLDER"] = folder
        yield
