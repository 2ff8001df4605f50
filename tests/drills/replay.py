"""A client that sends a stream of events over HTTP in causal order: no event before those it depends on.

An event is sent when the earlier ones of the same entities are answered, the earliest first, over several connections
at once. What is not answered, or refused for a while, is sent again.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Streams: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]
BROKEN = (ConnectionError, asyncio.IncompleteReadError)
PAUSE_SECONDS = 0.05
IDLE_SECONDS = 2.0  # servers close connections that nobody uses


@dataclass
class Replayed:
    """The results: bodies of the answers in the order of the events, their milliseconds, and the problems."""

    answers: list[bytes]
    milliseconds: list[float]
    seconds: float = 0.0
    n_broken: int = 0
    refusals: list[tuple[int, str | None, str]] = field(default_factory=list)
    """Status, Retry-After and body of the answers that were neither 200 nor lost."""


class Replay:
    """One pass over a stream.

    Parameters
    ----------
    rows : requests in time order. entities : the columns whose values connect them.
    watcher : is told how many are answered, after each.
    """

    def __init__(
        self,
        port: int,
        name: str,
        rows: Sequence[Mapping[str, Any]],
        entities: Sequence[str],
        *,
        connections: int = 16,
        watcher: Callable[[int], object] = lambda _n: None,
    ) -> None:
        self._port, self._connections, self._watcher = port, connections, watcher
        self._requests = [_request(name, row) for row in rows]
        self._n_before, self._next = _order(rows, entities)
        self._n_answered = 0
        self.replayed = Replayed([b""] * len(rows), [0.0] * len(rows))

    async def run(self) -> Replayed:
        """Send everything until all of it is answered."""
        self._ready: asyncio.PriorityQueue[int] = asyncio.PriorityQueue()
        for place, n_before in enumerate(self._n_before):
            if n_before == 0:
                self._ready.put_nowait(place)
        started = time.perf_counter()
        await asyncio.gather(*(self._connection() for _ in range(self._connections)))
        self.replayed.seconds = time.perf_counter() - started
        return self.replayed

    async def _connection(self) -> None:
        """One keep-alive connection, made again when it breaks."""
        streams: Streams | None = None
        used = time.monotonic()
        while (place := await self._ready.get()) < len(self._requests):
            if time.monotonic() - used > IDLE_SECONDS:
                await _close(streams)
                streams = None
            while not self.replayed.answers[place]:
                try:
                    streams = streams or await asyncio.open_connection("127.0.0.1", self._port)
                    await self._ask(place, *streams)
                except BROKEN:
                    self.replayed.n_broken += 1
                    await _close(streams)
                    streams = None
                    await asyncio.sleep(PAUSE_SECONDS)
            self._answered(place)
            used = time.monotonic()
        await _close(streams)

    async def _ask(self, place: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        started = time.perf_counter()
        writer.write(self._requests[place])
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        body = await reader.readexactly(int(_header(head, "content-length") or 0))
        status = int(head.split()[1])
        if status == 200:
            self.replayed.answers[place] = body
            self.replayed.milliseconds[place] = (time.perf_counter() - started) * 1e3
            return
        retry_after = _header(head, "retry-after")
        self.replayed.refusals.append((status, retry_after, body.decode()))
        if status != 503:
            raise SystemExit(f"event {place} was answered {status}: {body.decode()}")
        await asyncio.sleep(float(retry_after or PAUSE_SECONDS))

    def _answered(self, place: int) -> None:
        for later in self._next[place]:
            self._n_before[later] -= 1
            if self._n_before[later] == 0:
                self._ready.put_nowait(later)
        self._n_answered += 1
        self._watcher(self._n_answered)
        if self._n_answered == len(self._requests):
            for _ in range(self._connections):
                self._ready.put_nowait(len(self._requests))


async def _close(streams: Streams | None) -> None:
    if streams:
        streams[1].close()
        with suppress(ConnectionError):
            await streams[1].wait_closed()


def _order(rows: Sequence[Mapping[str, Any]], entities: Sequence[str]) -> tuple[list[int], list[list[int]]]:
    """For each event how many earlier ones it directly waits for, and which later ones wait for it."""
    n_before = [0] * len(rows)
    later: list[list[int]] = [[] for _ in rows]
    latest: dict[tuple[str, Any], int] = {}
    for place, row in enumerate(rows):
        for before in {latest[key] for name in entities if (key := (name, row[name])) in latest}:
            n_before[place] += 1
            later[before].append(place)
        latest |= {(name, row[name]): place for name in entities}
    return n_before, later


def _request(name: str, row: Mapping[str, Any]) -> bytes:
    body = json.dumps(row).encode()
    head = f"POST /v1/{name}/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _header(head: str, name: str) -> str | None:
    for line in head.split("\r\n"):
        key, _, value = line.partition(":")
        if key == name:
            return value.strip()
    return None
