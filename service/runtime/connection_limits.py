"""The server's protocol with limits that it lacks: uvicorn waits for ever for headers, and takes any number of them.

A connection has `header_seconds` for the headers of a request, and these at most `MAX_HEADER_BYTES`, as has whatever
else is no body: trailers, and what a chunk may say of itself. Of connections there are at most `most`. When one more
comes, one that has no request under way gives way to it. What is no HTTP is answered with a problem, too.
"""

from __future__ import annotations

import asyncio
import resource
import socket
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.errors import HeadersTooLargeError, InvalidHttpError, OverloadedError, ServiceError, SlowHeadersError
from service.requests.problems import problem_response

MAX_HEADER_BYTES = 65_536
FILES_FOR_OTHER_USES = 100
SECONDS_UNTIL_READ = 60
"""So long a client may leave an answer unread before the system breaks the connection off."""


@dataclass(frozen=True)
class ConnectionLimits:
    """How patient the protocol is.

    Parameters
    ----------
    most : connections.
    header_seconds : for the headers of one request.
    """

    most: int
    header_seconds: float

    @classmethod
    def within_the_systems(cls, most: int, header_seconds: float) -> ConnectionLimits:
        """The same, but fewer connections where the system lets a process open fewer files."""
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if files != resource.RLIM_INFINITY:
            most = max(1, min(most, files - FILES_FOR_OTHER_USES))
        return cls(most, header_seconds)


class PatientProtocol(HttpToolsProtocol):
    """One connection. Its limits are those of the application, at `app.state.connection_limits`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits: ConnectionLimits = self.config.loaded_app.state.connection_limits
        self._n_header_bytes = 0
        self._headers_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection if there is room, or if another can make room."""
        super().connection_made(transport)
        _give_up_on_silent_readers(transport)
        if len(self.connections) > self._limits.most and not self._make_room():
            self._refuse(OverloadedError(f"{self._limits.most:,} connections are open"))
            return
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._headers_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; bytes that the parser got nothing out of belong to headers that are not complete."""
        self._n_header_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._n_header_bytes > MAX_HEADER_BYTES:
            self._refuse(HeadersTooLargeError(MAX_HEADER_BYTES))
        elif self._headers_due is None and not self._has_request_under_way:
            self._expect_headers()

    def on_headers_complete(self) -> None:
        """The server's part, and the end of the wait."""
        if self._n_header_bytes > MAX_HEADER_BYTES:  # together with what came behind the headers
            n_bytes = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            if n_bytes > MAX_HEADER_BYTES:
                self._refuse(HeadersTooLargeError(MAX_HEADER_BYTES))
                raise ValueError("headers too large")  # which makes the parser stop, and is told to nobody
        self._headers_came()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """The server's part."""
        self._n_header_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The server's part."""
        self._n_header_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request."""
        if not self.transport.is_closing():
            self._refuse(InvalidHttpError())

    @property
    def _has_request_under_way(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

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
            self.transport.close()  # nothing was asked

    def _make_room(self) -> bool:
        for other in self.connections:
            if isinstance(other, PatientProtocol) and other is not self and not other._has_request_under_way:
                self.connections.discard(other)
                other.transport.abort()
                return True
        return False

    def _refuse(self, problem: ServiceError) -> None:
        """Answer without the application, which has not seen the whole of a request; else only break off."""
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


def _give_up_on_silent_readers(transport: asyncio.Transport) -> None:
    connection = transport.get_extra_info("socket")
    if hasattr(socket, "TCP_USER_TIMEOUT") and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SECONDS_UNTIL_READ * 1000)
