"""Request IDs, request log, request metrics, and responses to unexpected errors.

Plain ASGI, because Starlette's BaseHTTPMiddleware takes about as long as a request to `score`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from http.client import INTERNAL_SERVER_ERROR
from time import perf_counter

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope
from structlog.typing import FilteringBoundLogger

from service.live.served_model import ServedModel
from service.logs import WriteLine
from service.metrics.endpoint_names import EndpointNames
from service.metrics.metrics import Metrics
from service.middleware.exchange import Exchange
from service.requests.problems import ProblemForm, problem_response

REQUEST_ID = b"x-request-id"
CLIENT_LEFT = 499  # the status that nginx gave to a client that closed the connection before the answer
QUIET_PATHS = ("/health/", "/v2/health/", "/static/", "/metrics")
SHARED_PATHS = "/static/"
NO_STORE = (b"cache-control", b"no-store")
CLOSE = (b"connection", b"close")


class RequestLog:
    """Middleware that sets X-Request-ID, logs and counts the request, and turns unexpected errors into a plain 500.

    Endpoints add fields to the log line through the dictionary `scope["log_fields"]`.

    Parameters
    ----------
    log, write_line : receive failures, and one line for each request.
    new_id : makes IDs for requests without one.
    served_models : the live models by name; only these appear as labels of metrics.
    is_draining : if true, responses carry `Connection: close`, so that clients reconnect to another worker.
    problem_forms : see `problem_response`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        log: FilteringBoundLogger,
        write_line: WriteLine,
        new_id: Callable[[], str],
        metrics: Metrics,
        served_models: Callable[[], Mapping[str, ServedModel]],
        is_draining: Callable[[], bool],
        problem_forms: Sequence[ProblemForm] = (),
    ) -> None:
        self.app, self.log, self.write_line, self.new_id = app, log, write_line, new_id
        self._metrics, self._served_models, self._is_draining = metrics, served_models, is_draining
        self._problem_forms = problem_forms
        self._names, self._pid = EndpointNames(), os.getpid()

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = scope["request_id"] = _given_id(scope) or self.new_id()
        headers = [(REQUEST_ID, request_id.encode())]
        if not scope["path"].startswith(SHARED_PATHS):
            headers.append(NO_STORE)  # answers, and refusals that quote a row, are personal
        if self._is_draining():
            headers.append(CLOSE)
        exchange = scope["exchange"] = Exchange(receive, send, request_id, headers)
        scope["log_fields"], scope["problem_forms"] = {}, self._problem_forms
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            if not exchange.aborted:
                exchange.status = CLIENT_LEFT
                self._metrics.aborted("client_left")
        except Exception as error:
            self.log.exception("request failed", request_id=request_id)
            if exchange.status is None:
                await problem_response(scope, error)(scope, receive, exchange.send)
            elif not exchange.aborted:
                raise  # the response has begun; the server must close the connection
        finally:
            self._done(exchange, scope)

    def _done(self, exchange: Exchange, scope: AsgiScope) -> None:
        seconds = perf_counter() - exchange.started
        endpoint, model = self._names.of(scope, self._served_models())
        status = exchange.status or INTERNAL_SERVER_ERROR
        self._metrics.request(endpoint, model, scope["method"], status, seconds)
        if scope["path"].startswith(QUIET_PATHS):
            return
        line = {
            "method": scope["method"],
            "path": scope["path"][:200],
            "status": status,
            "ms": round(seconds * 1000, 2),
            "request_id": exchange.request_id,
            "pid": self._pid,
        }
        if model:
            line["model"] = model
        if (caller := scope.get("key")) is not None and caller.id:
            line["key"] = caller.id
        line.update(scope["log_fields"])
        self.write_line(line)


def _given_id(scope: AsgiScope) -> str | None:
    """The X-Request-ID of the caller or a proxy, if it is safe to log."""
    for name, value in scope["headers"]:
        if name == REQUEST_ID and re.fullmatch(rb"[A-Za-z0-9._-]{1,64}", value):
            given: str = value.decode("ascii")
            return given
    return None
