"""uvicorn's HTTP protocol with limits that it lacks: it waits for headers without a timeout, and sets no size limit.

Headers must arrive within `header_seconds` and have at most `MAX_HEADER_BYTES`, as must everything else outside the
body: trailers and chunk extensions. There are at most `max_connections` connections; a new one beyond that replaces an
idle one. A client that does not read what it asked for is disconnected. Bytes that are not HTTP are answered with a
problem, too.
"""

from __future__ import annotations

import asyncio
import fcntl
import resource
import socket
import struct
import sys
import termios
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.errors import HeadersTooLargeError, InvalidHttpError, OverloadedError, ServiceError, SlowHeadersError
from service.middleware.exchange import ABORT_CONNECTION
from service.requests.problems import problem_response

MAX_HEADER_BYTES = 65_536
FILES_FOR_OTHER_USES = 100
READ_SECONDS = 10.0
"""Interval at which full buffers of unread responses must have shrunk by `MIN_BYTES_READ`."""
MIN_BYTES_READ = 10_000
SECONDS_UNTIL_READ = 60
"""Time that a client may leave a response unread before the system closes the connection (TCP_USER_TIMEOUT)."""


@dataclass(frozen=True)
class ConnectionLimits:
    """Limits on the connections of one process.

    Parameters
    ----------
    max_connections : number of open connections.
    header_seconds : time for the headers of a request to arrive.
    """

    max_connections: int
    header_seconds: float

    @classmethod
    def within_the_systems(cls, max_connections: int, header_seconds: float) -> ConnectionLimits:
        """Limits with fewer connections if the system lets a process open fewer files (RLIMIT_NOFILE)."""
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if files != resource.RLIM_INFINITY:
            max_connections = max(1, min(max_connections, files - FILES_FOR_OTHER_USES))
        return cls(max_connections, header_seconds)


class PatientProtocol(HttpToolsProtocol):
    """One connection, with the limits at `app.state.connection_limits`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits: ConnectionLimits = self.config.loaded_app.state.connection_limits
        self._n_header_bytes = 0
        self._headers_due: asyncio.TimerHandle | None = None
        self._reading_due: asyncio.TimerHandle | None = None
        self._answered: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the connection if there is room or an idle one can be closed."""
        super().connection_made(transport)
        _give_up_on_silent_readers(transport)
        if len(self.connections) > self._limits.max_connections and not self._make_room():
            self._refuse(OverloadedError(f"{self._limits.max_connections:,} connections are open"))
            return
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timeouts, and tell the request that is answered, which is not the last one of a pipeline."""
        self._headers_came()
        self._stop_watching()
        if self._answered is not None:
            self._answered.disconnected = True
            self._answered.message_event.set()
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def pause_writing(self) -> None:
        """Watch whether the client reads, from when the buffer of responses is full."""
        super().pause_writing()
        self._watch_reading()

    def resume_writing(self) -> None:
        """The client has read."""
        self._stop_watching()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Parse bytes; those that complete no header block or body part count as headers."""
        self._n_header_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._n_header_bytes > MAX_HEADER_BYTES:
            self._refuse(HeadersTooLargeError(MAX_HEADER_BYTES))
        elif self._headers_due is None and not self._has_request_under_way:
            self._expect_headers()

    def on_headers_complete(self) -> None:
        """Check the size of the headers, and stop their timeout."""
        if self._n_header_bytes > MAX_HEADER_BYTES:  # may include bytes after the headers, so count exactly
            n_bytes = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            if n_bytes > MAX_HEADER_BYTES:
                self._refuse(HeadersTooLargeError(MAX_HEADER_BYTES))
                raise ValueError("headers too large")  # stops the parser; the client has its response already
        self._headers_came()
        self.scope[ABORT_CONNECTION] = self._drop  # type: ignore[literal-required]
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Restart the count of bytes outside the body."""
        self._n_header_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Restart the count of bytes outside the body."""
        self._n_header_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are not HTTP with a problem."""
        if not self.transport.is_closing():
            self._refuse(InvalidHttpError())

    @property
    def _has_request_under_way(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _watch_reading(self) -> None:
        self._reading_due = self.loop.call_later(READ_SECONDS, self._check_reading, _n_unread(self.transport))

    def _check_reading(self, n_unread_before: int) -> None:
        if n_unread_before - _n_unread(self.transport) < MIN_BYTES_READ:
            self._drop()
        else:
            self._watch_reading()

    def _drop(self) -> None:
        """End the connection at once, with what is unread; a usual end would wait until that was read."""
        with suppress(OSError):
            linger = struct.pack("ii", 1, 0)
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.transport.abort()

    def _stop_watching(self) -> None:
        if self._reading_due is not None:
            self._reading_due.cancel()
            self._reading_due = None

    def _expect_headers(self) -> None:
        self._headers_due = self.loop.call_later(self._limits.header_seconds, self._too_slow)

    def _headers_came(self) -> None:
        self._n_header_bytes = 0
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None

    def _too_slow(self) -> None:
        self._headers_due = None
        if self._n_header_bytes:
            self._refuse(SlowHeadersError(self._limits.header_seconds))
        else:
            self.transport.close()  # an idle connection gets no response

    def _make_room(self) -> bool:
        for other in self.connections:
            if isinstance(other, PatientProtocol) and other is not self and not other._has_request_under_way:
                self.connections.discard(other)
                other.transport.abort()
                return True
        return False

    def _refuse(self, problem: ServiceError) -> None:
        """Respond in place of the application while the request is incomplete; otherwise just close."""
        self._headers_came()
        cycle = self.cycle
        if self._has_request_under_way and (cycle.response_started or not cycle.more_body):
            self.transport.close()
            return
        answer = problem_response({}, problem)
        status = HTTPStatus(answer.status_code)
        head = [f"HTTP/1.1 {status.value} {status.phrase}".encode(), b"connection: close"]
        head.extend(name + b": " + value for name, value in answer.raw_headers)
        self.transport.write(b"\r\n".join([*head, b"", bytes(answer.body)]))
        self.transport.close()


def _n_unread(transport: asyncio.Transport) -> int:
    """Bytes in the buffers of process and system; the latter's drain long before the former's shrink."""
    n_in_system = bytearray(4)
    with suppress(OSError):
        fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, n_in_system)
    return transport.get_write_buffer_size() + int.from_bytes(n_in_system, sys.byteorder)


def _give_up_on_silent_readers(transport: asyncio.Transport) -> None:
    connection = transport.get_extra_info("socket")
    if hasattr(socket, "TCP_USER_TIMEOUT") and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SECONDS_UNTIL_READ * 1000)
