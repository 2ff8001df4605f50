"""Attacks on a service with three live models: raw connections, and a bystander that must be answered meanwhile.

Every attack is bytes on a connection. It passes if it is answered with a problem (RFC 9457) of an expected status, or
the connection is dropped, in time; if others are answered meanwhile; and if memory is what it was before.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.drills.stage import ServiceProcess, example, scratch

KEY = "a-key-for-hostile-tests"
HOST = "127.0.0.1"
MEBIBYTE = 2**20
BYSTANDERS_PATH = "/v1/credit/score"
MAX_MS = 500
"""No attack may hold up anybody else for longer."""
MODELS = ("ads", "credit", "fraud")
DROPPED = 0
"""Stands for the status of a connection that was closed without an answer."""


def arguments_of(doc: str | None, **more: Any) -> argparse.Namespace:
    """The command line that all these scripts share; `more` are further integer options with their defaults."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="home with live models, copied; three are trained if left out")
    parser.add_argument("--database", help="URL of a PostgreSQL database; SQLite in the home if left out")
    for name, default in more.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    return parser.parse_args()


@contextmanager
def served(arguments: argparse.Namespace, **settings: object) -> Iterator[Target]:
    """A service process with three live models, which requires `KEY`; stopped at the end.

    Parameters
    ----------
    settings : of the service, e.g. `max_body_bytes=1000`.
    """
    given = {f"BACKSCORE_{name.upper()}": str(value) for name, value in settings.items()}
    with ExitStack() as stack:
        stage = stack.enter_context(scratch(arguments.database))
        if arguments.home and not arguments.database:
            shutil.copytree(arguments.home, stage.home.path, dirs_exist_ok=True)
        else:
            stage.quickstart()
        service = stack.enter_context(stage.serving(settings={"BACKSCORE_API_KEY": KEY, **given}))
        target = Target(service, stage.home.path)
        target.bystander = Bystander(target, stage.home.path.parent)
        stack.callback(target.bystander.stop)
        yield target


@dataclass
class Target:
    """The service under attack."""

    serving: ServiceProcess
    home: Path
    bystander: Bystander = field(init=False)

    @property
    def port(self) -> int:
        return self.serving.port

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def connect(self, timeout: float = 10) -> socket.socket:
        """A connection of its own."""
        connection = socket.create_connection((HOST, self.port), timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def get(self, path: str) -> Any:
        """The JSON at a path."""
        return json.loads(self.exchange(request("GET", path), 30).body)

    def exchange(self, parts: bytes | Iterable[bytes], timeout: float = 10) -> Reply:
        """Send bytes and read one answer; a closed connection is an answer too."""
        started = time.perf_counter()
        with self.connect(timeout) as connection:
            sender = threading.Thread(target=_send, args=(connection, [parts] if isinstance(parts, bytes) else parts))
            sender.start()  # of its own, because a service may answer before it has read everything
            try:
                response = http.client.HTTPResponse(connection)
                response.begin()
                status, kind, body = response.status, response.headers.get("content-type", ""), response.read()
            except (OSError, http.client.HTTPException) as error:
                status, kind, body = DROPPED, "", repr(error).encode()
                if isinstance(error, TimeoutError):
                    status = -1
            seconds = time.perf_counter() - started
            with_shutdown(connection)
            sender.join()
        return Reply(status, kind, body, seconds)

    def memory(self) -> float:
        """Resident memory of the process, in MiB."""
        return _status_of(self.serving.process.pid, "VmRSS")

    def peak_memory(self) -> float:
        """Peak of the resident memory since `forget_peak`, in MiB."""
        return _status_of(self.serving.process.pid, "VmHWM")

    def forget_peak(self) -> None:
        """Reset the peak."""
        Path(f"/proc/{self.serving.process.pid}/clear_refs").write_text("5")


@dataclass(frozen=True)
class Reply:
    """An answer; status DROPPED if the connection was closed without an answer, -1 if nothing came in time."""

    status: int
    kind: str
    body: bytes
    seconds: float

    def wrong(self, expected: Collection[int]) -> str:
        """Its problem in a sentence; empty if there is none."""
        if self.status not in expected:
            return f"answered {self.status}, expected {' or '.join(map(str, expected))}: {self.body[:200]!r}"
        if self.status < 400:
            return ""
        if self.kind != "application/problem+json":
            return f"its error is {self.kind}: {self.body[:200]!r}"
        problem = json.loads(self.body)
        if problem["status"] != self.status or not problem["detail"]:
            return f"its problem tells too little: {self.body[:200]!r}"
        return "" if len(self.body) < 64 * 1024 else f"its problem has {len(self.body):,} bytes"


class Bystander:
    """Another client that requests scores continuously, see `bystander.py`, with its latencies and failures."""

    def __init__(self, target: Target, folder: Path) -> None:
        self._told = folder / "bystander.log"
        command = [
            sys.executable,
            str(Path(__file__).with_name("bystander.py")),
            str(target.port),
            KEY,
            BYSTANDERS_PATH,
        ]
        with self._told.open("wb") as told:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=told)
        assert self._process.stdin is not None
        with self._process.stdin as body:
            body.write(json.dumps(example("credit")).encode())

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def since(self, started: float) -> Fared:
        """Its latencies and failures since a moment of `time.monotonic`."""
        time.sleep(0.03)  # so that what it asks now counts too
        lines = [line.split() for line in self._told.read_text().splitlines()]
        asked = [(float(sent), float(seconds), int(status)) for sent, seconds, status in (li for li in lines if li[2:])]
        within = [one for one in asked if one[0] + one[1] >= started]
        return Fared([seconds * 1000 for _, seconds, _ in within], [status for *_, status in within if status != 200])


@dataclass(frozen=True)
class Fared:
    """Latencies in milliseconds, and statuses other than 200."""

    latencies: list[float]
    refusals: list[int]

    def quantile(self, share: float) -> float:
        """Of the latencies."""
        return sorted(self.latencies)[min(int(len(self.latencies) * share), len(self.latencies) - 1)]

    @property
    def slowest(self) -> float:
        return max(self.latencies, default=0.0)


@dataclass(frozen=True)
class Attack:
    """One attack: the bytes to send and the statuses allowed.

    Parameters
    ----------
    send : the bytes of a connection, or what makes the parts of many.
    expected : statuses; DROPPED among them if the connection may be closed.
    seconds : until then an answer must have come.
    """

    name: str
    send: bytes | Callable[[], Iterable[bytes]]
    expected: Collection[int]
    seconds: float = 2.0


def play(target: Target, attacks: Iterable[Attack], *, most_mebibytes: float, quiet: bool = False) -> list[str]:
    """Run attacks in turn next to a bystander, print a line for each, and return the problems.

    Parameters
    ----------
    most_mebibytes : by so much memory may grow while an attack lasts.
    quiet : print only what went wrong.
    """
    problems = []
    for attack in attacks:
        sent = attack.send if isinstance(attack.send, bytes) else attack.send()
        target.forget_peak()
        before, started = target.memory(), time.monotonic()
        reply = target.exchange(sent, attack.seconds + 8)
        grown, fared = target.peak_memory() - before, target.bystander.since(started)
        wrong = [reply.wrong(attack.expected), *(f"a bystander was answered {s}" for s in set(fared.refusals))]
        if reply.seconds > attack.seconds:
            wrong.append(f"took {reply.seconds:.2f} s of {attack.seconds:g}")
        if grown > most_mebibytes:
            wrong.append(f"took {grown:.0f} MiB of {most_mebibytes:g}")
        if fared.slowest > MAX_MS:
            wrong.append(f"a bystander waited {fared.slowest:.0f} ms of {MAX_MS}")
        if quiet and not any(wrong):
            continue
        print(
            f"{attack.name:58} {_told(reply.status):>8} {reply.seconds * 1000:9.1f} ms {grown:7.1f} MiB"
            f"  bystander at most {fared.slowest:7.1f} ms",
            flush=True,
        )
        problems += [f"{attack.name}: {text}" for text in wrong if text]
    return problems


def request(
    method: str, path: str, body: bytes = b"", *headers: str, kind: str = "application/json", length: int | None = None
) -> bytes:
    """A request with the key, as bytes; `length` is what is announced in place of the body's."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", f"X-API-Key: {KEY}", *headers]
    if body or length is not None:
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body


def chunked(path: str, parts: Iterable[bytes], kind: str = "application/json") -> Iterator[bytes]:
    """A POST without Content-Length, chunk by chunk."""
    yield request("POST", path, b"", f"Content-Type: {kind}", "Transfer-Encoding: chunked")
    for part in parts:
        yield b"%x\r\n%b\r\n" % (len(part), part)
    yield b"0\r\n\r\n"


def with_shutdown(connection: socket.socket) -> None:
    """Close a connection under a thread that may still send."""
    with suppress(OSError):  # the service has closed it already
        connection.shutdown(socket.SHUT_RDWR)


def _send(connection: socket.socket, parts: Iterable[bytes]) -> None:
    try:
        for part in parts:
            connection.sendall(part)
    except OSError:
        return  # the answer, or its absence, is what counts


def _told(status: int) -> str:
    return {DROPPED: "dropped", -1: "silence"}.get(status, str(status))


def _status_of(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc/{pid}/status has no {name}")
