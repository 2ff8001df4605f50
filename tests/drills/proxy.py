"""A proxy in front of a database, which can be cut without stopping the database for others."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType

import sqlalchemy as sa


class Proxy:
    """Forwards bytes between a local port and a server until it is cut; a context manager.

    Parameters
    ----------
    url : SQLAlchemy URL of the server that is reached through it.
    """

    def __init__(self, url: str) -> None:
        address = sa.make_url(url)
        self._target = (address.host or "127.0.0.1", address.port or 5432)
        self._listener = _listener(0)
        self._port = int(self._listener.getsockname()[1])
        self.url = address.set(host="127.0.0.1", port=self._port).render_as_string(hide_password=False)
        self._open: set[socket.socket] = set()
        self._serve()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.cut()

    def cut(self) -> None:
        """Close every connection and take no new ones."""
        _close(self._listener)
        self._serving.join()
        for each in list(self._open):
            _close(each)

    def restore(self) -> None:
        """Take connections again."""
        self._listener = _listener(self._port)
        self._serve()

    def _serve(self) -> None:
        self._serving = threading.Thread(target=self._accept, args=[self._listener], daemon=True)
        self._serving.start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._target)
                self._open |= {near, far}
                for each in (near, far):  # else small messages wait for one another
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=[source, sink], daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
        for each in (source, sink):
            _close(each)
            self._open.discard(each)


def _listener(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))


def _close(each: socket.socket) -> None:
    """Also for threads that wait on it."""
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
