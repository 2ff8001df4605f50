"""200 slow clients, and 520 that begin to sign in, next to a normal one.

    python tests/drills/hostile/slow_clients.py [--clients 200] [--logins 520] [--seconds 25] [--home FOLDER] \
        [--database URL]

Of ten four dribble headers, four a body, one asks and never reads, one does so and begins a body.
`--logins` more begin to sign in, without a key, and send no more. The one that wants answers must get them with a 99th
percentile below 50 ms and never be refused. Those that dribble must be sent away in time, those that never read be
disconnected, and of the logins all but a few be sent away at once. Exit code 1 if anything is wrong.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from tests.drills.hostile.attacks import Target, arguments_of, request, served
from tests.drills.stage import end_with, example

MAX_MS = 50
PATIENCE_SECONDS = 3
"""For headers and bodies, as the service is told; its defaults are longer."""
MAX_LATE_SECONDS = 3
"""How much later a client may be sent away."""
CARD = "/v1/models/credit/versions/1/card.json"
FORM = "application/x-www-form-urlencoded"
NEVER_READ = ("never reads", "body and never reads")
KINDS = ("headers", "body") * 4 + NEVER_READ
DRIBBLE_SECONDS = 0.25


@dataclass
class Slow:
    """A connection, the bytes it sends, and its end."""

    kind: str
    connection: socket.socket
    left: bytes
    answer: bytes = b""
    answered: float | None = None
    ended: float | None = None


def slow_clients(target: Target, n_clients: int, n_logins: int) -> list[Slow]:
    """Connections of all kinds; those that never read have asked for a large page again and again."""
    row = json.dumps(example("credit")).encode()
    headers, whole = request("GET", "/v1/models"), request("POST", "/v1/credit/score", row)
    begun = len(whole) - len(row) + 1
    found = []
    kinds = [KINDS[number % len(KINDS)] for number in range(n_clients)] + ["login"] * n_logins
    for kind in kinds:
        connection = target.connect()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        left = headers if kind == "headers" else b""
        if kind in NEVER_READ:
            connection.sendall(request("GET", CARD) * 100)
        if kind in ("body", "body and never reads"):
            connection.sendall(whole[:begun])
            left = whole[begun:]
        if kind == "login":
            connection.sendall(request("POST", "/login", b"key=", kind=FORM)[:-2])
        connection.setblocking(False)
        found.append(Slow(kind, connection, left))
    return found


def dribble(clients: list[Slow], seconds: float) -> None:
    """Send each a byte now and then, and note which connections the service ends."""
    selector, end = selectors.DefaultSelector(), time.monotonic() + seconds
    for client in clients:
        if client.kind not in NEVER_READ:
            selector.register(client.connection, selectors.EVENT_READ, client)
    while time.monotonic() < end:
        for key, _ in selector.select(0):
            client: Slow = key.data
            try:
                received = client.connection.recv(65_536)
            except OSError:
                received = b""
            client.answer += received
            client.answered = client.answered or time.monotonic()
            if not received:
                client.ended = time.monotonic()
                selector.unregister(client.connection)
        for client in clients:
            if client.left and client.ended is None and not client.answer:
                try:
                    client.connection.send(client.left[:1])
                except OSError:  # of those that read, the reading above finds out
                    client.ended = time.monotonic() if client.kind in NEVER_READ else None
                    continue
                client.left = client.left[1:]
        time.sleep(DRIBBLE_SECONDS)


def fate(client: Slow) -> str:
    """How the service ended with a client."""
    if client.answer:
        return client.answer[9:12].decode()
    has_ended = client.ended or client.connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return "disconnected" if has_ended else "still open"


EXPECTED = {
    "headers": {"408"},
    "body": {"408"},
    "login": {"408", "503"},
    "never reads": {"disconnected"},
    "body and never reads": {"disconnected"},
}
"""How each kind may end."""


def main() -> None:
    arguments = arguments_of(__doc__, clients=200, logins=520, seconds=25)
    with served(arguments, header_seconds=PATIENCE_SECONDS, body_seconds=PATIENCE_SECONDS) as target:
        time.sleep(2)
        alone = target.bystander.since(time.monotonic() - 1)
        before, started = target.memory(), time.monotonic()
        clients = slow_clients(target, arguments.clients, arguments.logins)
        connected = time.monotonic()
        dribble(clients, arguments.seconds)
        beside = target.bystander.since(started)
        grown = target.memory() - before
        fates = Counter((client.kind, fate(client)) for client in clients)
        for client in clients:
            client.connection.close()
    for (kind, how), n in sorted(fates.items()):
        print(f"{n:4} {kind}: {how}")
    last = max(client.answered or started for client in clients) - connected
    p99 = beside.quantile(0.99)
    print(
        f"{len(clients)} slow clients, {arguments.seconds} s: {len(beside.latencies):,} answers to another one, "
        f"99th percentile {p99:.1f} ms, slowest {beside.slowest:.1f} ms (alone {alone.quantile(0.99):.1f} ms); the "
        f"last was sent away after {last:.1f} s; memory grew by {grown:.0f} MiB"
    )
    problems = [f"the other one was answered {status}" for status in set(beside.refusals)]
    if p99 >= MAX_MS:
        problems.append(f"the 99th percentile is {p99:.0f} ms, must be below {MAX_MS}")
    if last > PATIENCE_SECONDS + MAX_LATE_SECONDS:
        problems.append(f"a client was sent away after {last:.1f} s only")
    if grown > 100:
        problems.append(f"memory grew by {grown:.0f} MiB")
    problems += [f"{n} {kind}: {how}" for (kind, how), n in fates.items() if how not in EXPECTED[kind]]
    end_with(problems)


if __name__ == "__main__":
    main()
