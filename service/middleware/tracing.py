"""Tracing: spans of requests and their phases, exported to an OpenTelemetry collector.

Off, at no cost, unless the extra `otel` is installed and OTEL_EXPORTER_OTLP_ENDPOINT names a collector. A request is a
child span of the one in its header `traceparent`; its phases are child spans of the request:

* `validate`: the body arrives and is validated.
* `score`: the row waits for its batch and is scored with it.
* `store`: the answer waits to be recorded. Rows that are stored as events are scored and recorded in one step; there,
  all of it is `score`.

Sampling and the service's name are set by OpenTelemetry's own variables (OTEL_TRACES_SAMPLER, OTEL_SERVICE_NAME, ...).
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope
from structlog.typing import FilteringBoundLogger

from service.requests.call import Call

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
UNTRACED = ("/health/", "/v2/health/", "/metrics", "/static/")


def open_tracing(log: FilteringBoundLogger) -> Tracing | None:
    """Tracing as configured by the environment; None if it is off."""
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        log.warning("tracing is off: the extra is not installed; `pip install backscore[otel]`")
        return None
    name = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "backscore"}
    provider = TracerProvider(resource=Resource.create(name))
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter())
    )  # exports from its own thread; drops spans if the queue is full
    return Tracing(provider)


class Tracing:
    """Creates the spans of requests and of their phases."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry import trace  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        self._trace, self._provider = trace, provider
        self._tracer = provider.get_tracer("backscore")
        self._propagator = TraceContextTextMapPropagator()
        self._epoch = time.time_ns() - time.perf_counter_ns()

    def request(self, scope: AsgiScope) -> Any:
        """A context manager in which the span of a request is current."""
        parent = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in (b"traceparent", b"tracestate")
        }
        return self._tracer.start_as_current_span(
            scope["method"],
            context=self._propagator.extract(parent),
            kind=self._trace.SpanKind.SERVER,
            record_exception=False,  # messages of errors may quote what was sent
            set_status_on_exception=False,
            attributes={
                "http.request.method": scope["method"],
                "url.path": scope["path"][:200],
                "backscore.request_id": scope["request_id"],
            },
        )

    def phases(self, call: Call, checked: float) -> None:
        """Add the spans of the phases of a call that was answered just now; times are of `perf_counter`."""
        now = time.perf_counter()
        answered = call.answered or now
        self._phase("validate", call.started, checked)
        self._phase("score", checked, answered)
        if call.answered:
            self._phase("store", answered, now)

    def failed(self, span: Any, error: Exception) -> None:
        """Mark a span as failed, by the type of the error alone."""
        span.set_status(self._trace.StatusCode.ERROR, type(error).__name__)

    def close(self) -> None:
        """Export what is left, and stop."""
        self._provider.shutdown()

    def _phase(self, name: str, started: float, ended: float) -> None:
        span = self._tracer.start_span(name, start_time=self._nanoseconds(started))
        span.end(self._nanoseconds(ended))

    def _nanoseconds(self, seconds: float) -> int:
        return self._epoch + round(seconds * 1e9)


class TraceRequests:
    """Middleware that puts every request into a span, except those of monitoring."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self.app, self._tracing = app, tracing

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"].startswith(UNTRACED):
            await self.app(scope, receive, send)
            return
        with self._tracing.request(scope) as span:

            async def send_traced(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", int(message["status"]))
                await send(message)

            try:
                await self.app(scope, receive, send_traced)
            except Exception as error:
                self._tracing.failed(span, error)
                raise
            for name, value in scope["log_fields"].items():
                if isinstance(value, (str, int, float)):
                    span.set_attribute(f"backscore.{name}", value)
