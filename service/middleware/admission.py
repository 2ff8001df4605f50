"""Limits: how much one worker takes on at once, and how long anything may take.

* At most `most` requests are under way; the next ones are answered at once with 503 and Retry-After, so that those
  under way stay fast. Of bodies that come in parts, at most `most_bytes` are held.
* A body that comes too slowly ends in 408: it has `body_seconds`, and another second for every `SLOWEST` bytes.
* A request that is not answered `request_seconds` after its body came is answered with 504. What it set off cannot be
  stopped half-way: work in a thread, or in the database, goes on, keeps its place among those under way, and its answer
  is dropped.

Headers, idle connections and their number are the protocol's business, see `service.runtime.connection_limits`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter

from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope
from structlog.typing import FilteringBoundLogger

from service.errors import OverloadedError, ServiceError, SlowBodyError, TimeLimitError
from service.metrics.metrics import Metrics
from service.middleware.exchange import Exchange
from service.requests.problems import problem_response

SLOWEST = 10_000
"""Bytes a second; less is no connection but an occupation."""
SWEEP_SECONDS = 0.25
ALWAYS_LET_IN = ("/health/", "/v2/health/", "/metrics")
"""Whoever watches the service must be answered when it is full."""


class InFlight:
    """The requests that are under way in this process.

    Parameters
    ----------
    most, most_bytes, body_seconds, request_seconds : see the head of this module.
    clock : seconds, the one that exchanges read.
    """

    def __init__(
        self,
        *,
        most: int,
        most_bytes: int,
        body_seconds: float,
        request_seconds: float,
        metrics: Metrics,
        log: FilteringBoundLogger,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self.most, self._most_bytes = most, most_bytes
        self._body_seconds, self._request_seconds = body_seconds, request_seconds
        self._metrics, self._log, self._clock = metrics, log, clock
        self._scopes: dict[Exchange, AsgiScope] = {}
        self._n_bytes = 0
        metrics.watch("backscore_requests_in_flight", "Requests in flight, without health checks.", self.__len__)

    def __len__(self) -> int:
        return len(self._scopes)

    def enter(self, exchange: Exchange, scope: AsgiScope) -> None:
        """Take on a request; OverloadedError if there is no room."""
        if len(self._scopes) >= self.most:
            self._metrics.aborted("full")
            raise OverloadedError(f"{self.most:,} requests are in flight")
        exchange.make_room = self._hold
        exchange.task = asyncio.current_task()
        self._scopes[exchange] = scope

    def leave(self, exchange: Exchange) -> None:
        """The request is done with."""
        del self._scopes[exchange]
        self._n_bytes -= exchange.n_bytes

    async def keep_time(self) -> None:
        """Cut short for ever whatever takes too long."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            for exchange, scope in list(self._scopes.items()):
                if not exchange.aborted and (problem := self._problem(exchange)):
                    await self._cut_short(exchange, scope, problem)

    def _hold(self, n_bytes: int) -> None:
        self._n_bytes += n_bytes
        if self._n_bytes > self._most_bytes:
            self._metrics.aborted("full")
            raise OverloadedError(f"request bodies of {self._most_bytes:,} bytes are being read")

    def _problem(self, exchange: Exchange) -> ServiceError | None:
        """What is wrong with a request by now."""
        now = self._clock()
        if exchange.is_reading and exchange.status is None:
            allowed = self._body_seconds + exchange.n_bytes / SLOWEST
            return SlowBodyError(self._body_seconds, SLOWEST) if now > exchange.started + allowed else None
        return TimeLimitError(self._request_seconds) if now > exchange.since + self._request_seconds else None

    async def _cut_short(self, exchange: Exchange, scope: AsgiScope, problem: ServiceError) -> None:
        self._metrics.aborted("slow_body" if isinstance(problem, SlowBodyError) else "timeout")
        self._log.warning("request cut short", request_id=exchange.request_id, why=str(problem))
        try:
            await exchange.abort(scope, problem_response(scope, problem))
        except Exception:  # one connection that breaks now must not keep the others from their end
            self._log.exception("cutting a request short failed", request_id=exchange.request_id)


class Limits:
    """Let requests in as long as there is room."""

    def __init__(self, app: ASGIApp, under_way: InFlight) -> None:
        self.app, self.under_way = app, under_way

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"].startswith(ALWAYS_LET_IN):
            await self.app(scope, receive, send)
            return
        exchange: Exchange = scope["exchange"]
        try:
            self.under_way.enter(exchange, scope)
        except OverloadedError as error:
            await problem_response(scope, error)(scope, receive, send)
            return
        try:
            await self.app(scope, receive, send)
        finally:
            self.under_way.leave(exchange)
