"""Admission control: limits on the concurrency, body rate and duration of requests in one worker.

* At most `max_requests` requests are in flight; further ones get 503 with Retry-After at once, so that admitted
  requests stay fast. Bodies that arrive in several parts hold at most `max_bytes` in total.
* Requests on paths that need no key are not among them: at most `max_keyless` of these are in flight, so that nobody
  without a key can take the places of those with one.
* A body that arrives too slowly gets 408: it has `body_seconds`, plus a second for every `MIN_BYTES_PER_SECOND` bytes.
* A request without an answer `request_seconds` after its body arrived gets 504. Work in a thread or in the database
  cannot be cancelled half-way: it goes on, keeps its place in flight, and its answer is dropped.
* A client that does not take such an answer within `SECONDS_TO_TAKE` is disconnected, and holds up no other.

Limits on headers and connections are in `service.runtime.connection_limits`.
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

MIN_BYTES_PER_SECOND = 10_000
"""Minimum rate of a body in bytes per second; slower clients only block resources (slowloris)."""
SWEEP_SECONDS = 0.25
SECONDS_TO_TAKE = 1.0
ALWAYS_LET_IN = ("/health/", "/v2/health/", "/metrics")
"""Paths that are exempt, so that monitoring works on an overloaded service."""


class InFlight:
    """The requests in flight in this process.

    Parameters
    ----------
    max_requests, max_keyless, max_bytes, body_seconds, request_seconds : see the module docstring.
    clock : seconds; must be the clock of `Exchange`.
    """

    def __init__(
        self,
        *,
        max_requests: int,
        max_keyless: int,
        max_bytes: int,
        body_seconds: float,
        request_seconds: float,
        metrics: Metrics,
        log: FilteringBoundLogger,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self._limits, self._max_bytes = {True: max_requests, False: max_keyless}, max_bytes
        self._body_seconds, self._request_seconds = body_seconds, request_seconds
        self._metrics, self._log, self._clock = metrics, log, clock
        self._scopes: dict[Exchange, AsgiScope] = {}
        self._n_let_in, self._n_bytes = {True: 0, False: 0}, 0
        metrics.watch("backscore_requests_in_flight", "Requests in flight, without health checks.", self.__len__)

    def __len__(self) -> int:
        return len(self._scopes)

    def enter(self, exchange: Exchange, scope: AsgiScope) -> None:
        """Begin to watch a request; it takes a place once it is let in, see `Exchange.let_in`."""
        exchange.make_room, exchange.take_place = self._hold, self._take_place
        exchange.task = asyncio.current_task()
        self._scopes[exchange] = scope

    def leave(self, exchange: Exchange) -> None:
        """Release the place of a finished request."""
        del self._scopes[exchange]
        if exchange.has_key is not None:
            self._n_let_in[exchange.has_key] -= 1
        self._n_bytes -= exchange.n_bytes

    def _take_place(self, has_key: bool) -> None:
        if self._n_let_in[has_key] >= self._limits[has_key]:
            self._metrics.aborted("full")
            kind = "requests" if has_key else "requests without a key"
            raise OverloadedError(f"{self._limits[has_key]:,} {kind} are in flight")
        self._n_let_in[has_key] += 1

    async def keep_time(self) -> None:
        """Abort requests that exceed their time, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            late = [
                self._cut_short(exchange, scope, problem)
                for exchange, scope in self._scopes.items()
                if not exchange.aborted and (problem := self._problem(exchange))
            ]
            await asyncio.gather(*late)

    def _hold(self, n_bytes: int) -> None:
        self._n_bytes += n_bytes
        if self._n_bytes > self._max_bytes:
            self._metrics.aborted("full")
            raise OverloadedError(f"request bodies of {self._max_bytes:,} bytes are being read")

    def _problem(self, exchange: Exchange) -> ServiceError | None:
        """The limit that a request exceeds now, if any."""
        now = self._clock()
        if exchange.is_reading and exchange.status is None:
            allowed = self._body_seconds + exchange.n_bytes / MIN_BYTES_PER_SECOND
            return SlowBodyError(self._body_seconds, MIN_BYTES_PER_SECOND) if now > exchange.started + allowed else None
        return TimeLimitError(self._request_seconds) if now > exchange.since + self._request_seconds else None

    async def _cut_short(self, exchange: Exchange, scope: AsgiScope, problem: ServiceError) -> None:
        self._metrics.aborted("slow_body" if isinstance(problem, SlowBodyError) else "timeout")
        self._log.warning("request cut short", request_id=exchange.request_id, why=str(problem))
        try:
            async with asyncio.timeout(SECONDS_TO_TAKE):
                await exchange.abort(scope, problem_response(scope, problem))
        except TimeoutError:
            exchange.disconnect(scope)
        except Exception:  # one broken connection must not end the sweep for all others
            self._log.exception("cutting a request short failed", request_id=exchange.request_id)


class Limits:
    """Middleware that watches requests, see `InFlight`."""

    def __init__(self, app: ASGIApp, under_way: InFlight) -> None:
        self.app, self.under_way = app, under_way

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"].startswith(ALWAYS_LET_IN):
            await self.app(scope, receive, send)
            return
        exchange: Exchange = scope["exchange"]
        self.under_way.enter(exchange, scope)
        try:
            await self.app(scope, receive, send)
        finally:
            self.under_way.leave(exchange)
