"""200 slow clients next to a normal one.

    python tests/drills/hostile/slow_clients.py [--clients 200] [--seconds 20] [--home FOLDER] [--database URL]

A third dribbles headers, a third a body, a third asks and never reads. The one that wants answers must get them with a
99th percentile below 50 ms; those that dribble must be sent away, and none of them may be answered with a failure.
Exit code 1 if anything is wrong.
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
DRIBBLE_SECONDS = 0.25


@dataclass
class Slow:
    """A connection, the bytes it sends, and its end."""

    kind: str
    connection: socket.socket
    left: bytes
    answer: bytes = b""
    ended: float | None = None


def slow_clients(target: Target, n_clients: int) -> list[Slow]:
    """Connections of the three kinds, the last one having asked for a large page again and again."""
    row = json.dumps(example("credit")).encode()
    headers, whole = request("GET", "/v1/models"), request("POST", "/v1/credit/score", row)
    begun = len(whole) - len(row) + 1
    found = []
    for number in range(n_clients):
        kind = ("headers", "body", "never reads")[number % 3]
        connection = target.connect()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        left = {"headers": headers, "body": whole, "never reads": b""}[kind]
        if kind == "body":
            connection.sendall(left[:begun])
            left = left[begun:]
        if kind == "never reads":
            connection.sendall(request("GET", "/openapi.json") * 20)
        connection.setblocking(False)
        found.append(Slow(kind, connection, left))
    return found


def dribble(clients: list[Slow], seconds: float) -> None:
    """Send each a byte now and then, and note which connections the service ends."""
    selector, end = selectors.DefaultSelector(), time.monotonic() + seconds
    for client in clients:
        if client.kind != "never reads":
            selector.register(client.connection, selectors.EVENT_READ, client)
    while time.monotonic() < end:
        for key, _ in selector.select(0):
            client: Slow = key.data
            try:
                received = client.connection.recv(65_536)
            except OSError:
                received = b""
            client.answer += received
            if not received:
                client.ended = time.monotonic()
                selector.unregister(client.connection)
        for client in clients:
            if client.left and client.ended is None and not client.answer:
                try:
                    client.connection.send(client.left[:1])
                except OSError:
                    continue  # the reading above finds out
                client.left = client.left[1:]
        time.sleep(DRIBBLE_SECONDS)


def main() -> None:
    arguments = arguments_of(__doc__, clients=200, seconds=20)
    with served(arguments, header_seconds=PATIENCE_SECONDS, body_seconds=PATIENCE_SECONDS) as target:
        time.sleep(2)
        alone = target.bystander.since(time.monotonic() - 1)
        before, started = target.memory(), time.monotonic()
        clients = slow_clients(target, arguments.clients)
        dribble(clients, arguments.seconds)
        beside = target.bystander.since(started)
        grown = target.memory() - before
        for client in clients:
            client.connection.close()
    ended = Counter(
        (client.kind, client.answer[9:12].decode() or "closed" if client.ended else "still open") for client in clients
    )
    for (kind, how), n in sorted(ended.items()):
        print(f"{n:4} slow by {kind}: {how}")
    p99 = beside.quantile(0.99)
    print(
        f"{arguments.clients} slow clients, {arguments.seconds} s: {len(beside.latencies):,} answers to another one, "
        f"99th percentile {p99:.1f} ms, slowest {beside.slowest:.1f} ms (alone {alone.quantile(0.99):.1f} ms); memory "
        f"grew by {grown:.0f} MiB"
    )
    problems = [f"the other one was answered {status}" for status in set(beside.refusals)]
    if p99 >= MAX_MS:
        problems.append(f"the 99th percentile is {p99:.0f} ms, must be below {MAX_MS}")
    if grown > 100:
        problems.append(f"memory grew by {grown:.0f} MiB")
    problems += [
        f"{n} slow by {kind}: {how}" for (kind, how), n in ended.items() if kind != "never reads" and how != "408"
    ]
    end_with(problems)


if __name__ == "__main__":
    main()
