"""Load on a server: keep-alive connections that repeat a request as fast as it is answered, or at a given rate.

The clients are bare protocols on uvloop, because a client that is slower than the server measures itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import uvloop

ROOT = Path(__file__).parents[2]
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass
class Loaded:
    """The result of a load.

    Parameters
    ----------
    seconds : how long it took. latencies : of answers with status 200, in seconds.
    others : how many answers had another status, by status; "lost" are connections that broke before an answer.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Answers with status 200 a second."""
        return len(self.latencies) / self.seconds

    def milliseconds(self, quantile: float) -> float:
        """A quantile of the latencies."""
        return float(np.quantile(self.latencies, quantile)) * 1e3 if self.latencies else float("nan")


def post(path: str, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """A whole request as it goes over the wire."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def load(
    port: int,
    request: bytes | Callable[[], bytes],
    *,
    connections: int,
    seconds: float,
    rate: float | None = None,
    on_answer: Callable[[bytes], object] | None = None,
) -> Loaded:
    """Send requests for a number of seconds.

    Parameters
    ----------
    request : as `post` makes it; or a function that makes the next one.
    rate : requests a second, spread evenly over time; latencies then count from when a request was due, so that those
        that had to wait for a slow one before them are not forgiven. None: each connection asks as soon as it can.
    on_answer : called with the body of each answer with status 200.
    """
    loaded = Loaded()
    make = request if callable(request) else lambda: request
    uvloop.run(_load(port, make, connections, seconds, rate, on_answer, loaded))
    return loaded


async def _load(
    port: int,
    make: Callable[[], bytes],
    connections: int,
    seconds: float,
    rate: float | None,
    on_answer: Callable[[bytes], object] | None,
    loaded: Loaded,
) -> None:
    loop, started = asyncio.get_running_loop(), time.perf_counter()
    due = _due_times(started, rate)
    clients = [_Client(make, due, started + seconds, on_answer, loaded) for _ in range(connections)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*(client.done for client in clients))
    loaded.seconds = time.perf_counter() - started


def _due_times(started: float, rate: float | None) -> Iterator[float]:
    """When the next request is due; whichever connection is free takes it."""
    number = 0
    while True:
        yield started + number / rate if rate else 0.0
        number += 1


class _Client(asyncio.Protocol):
    """One connection."""

    def __init__(
        self,
        make: Callable[[], bytes],
        due: Iterator[float],
        until: float,
        on_answer: Callable[[bytes], object] | None,
        loaded: Loaded,
    ) -> None:
        self.make, self.due, self.until, self.on_answer, self.loaded = make, due, until, on_answer, loaded
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.received, self.started = b"", 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.ask(connected=True)

    def ask(self, *, connected: bool = False) -> None:
        """Send the next request when it is due; the first one however long it took to connect."""
        now, due = time.perf_counter(), next(self.due)
        if (due if connected else max(now, due)) > self.until:
            self.transport.close()
            if not self.done.done():
                self.done.set_result(None)
            return
        self.started = due or now
        if due > now:
            asyncio.get_running_loop().call_later(due - now, self._send)
        else:
            self._send()

    def _send(self) -> None:
        if not self.done.done():
            self.transport.write(self.make())

    def data_received(self, data: bytes) -> None:
        self.received += data
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.received[:end].lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        if len(self.received) < end + 4 + length:
            return
        body, self.received = self.received[end + 4 : end + 4 + length], b""
        status = head.split(b" ", 2)[1].decode()
        if status == "200":
            self.loaded.latencies.append(time.perf_counter() - self.started)
            if self.on_answer is not None:
                self.on_answer(body)
        else:
            self.loaded.others[status] += 1
        self.ask()

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self.done.done():
            self.loaded.others["lost"] += 1
            self.done.set_result(None)


class BackgroundLoad:
    """Load from a thread while a drill runs.

    Attributes
    ----------
    answers : the bodies of all answers with status 200. loaded : the result, once the load has ended.
    """

    def __init__(
        self, port: int, request: bytes, *, seconds: float, connections: int = 8, rate: float | None = None
    ) -> None:
        self.answers: list[bytes] = []
        self.loaded = Loaded()
        self._thread = threading.Thread(target=self._run, args=(port, request, connections, seconds, rate))

    @contextmanager
    def running(self) -> Iterator[BackgroundLoad]:
        """While the block runs and until the load has ended."""
        self._thread.start()
        try:
            yield self
        finally:
            self._thread.join()

    def _run(self, port: int, request: bytes, connections: int, seconds: float, rate: float | None) -> None:
        self.loaded = load(
            port, request, connections=connections, seconds=seconds, rate=rate, on_answer=self.answers.append
        )


def free_port() -> int:
    """A port that is not in use."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(
    command: list[str], port: int, *, cores: set[int] | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A server process, ready to answer; it must end by itself on SIGTERM."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **ONE_THREAD, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=(lambda: os.sched_setaffinity(0, cores)) if cores else None,  # noqa: PLW1509
    )
    try:
        wait_until_ready(port)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def serve_command(port: int) -> list[str]:
    """Starts the service."""
    return [sys.executable, "-m", "service", "serve", "--port", str(port)]


def wait_until_ready(port: int, seconds: float = 30) -> float:
    """Wait until the service is ready; returns the seconds it took, raises TimeoutError after `seconds`."""
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1)
        except OSError:
            time.sleep(0.02)
        else:
            return time.perf_counter() - started
    raise TimeoutError(f"the server on port {port} did not get ready within {seconds:g} s")


def ask_once(port: int, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> dict[str, object]:
    """The answer to one request."""
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", body, {"Content-Type": "application/json", **(headers or {})}
    )
    answer: dict[str, object] = json.loads(urllib.request.urlopen(asked).read())  # noqa: S310
    return answer
