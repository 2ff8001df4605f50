"""Traces: spans of requests and their phases; none unless configured."""

import asyncio
import json

import pytest

from service.logs import open_log
from service.middleware.tracing import ENDPOINTS, TraceRequests, Tracing, open_tracing

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def exporter():
    """Keeps finished spans."""
    pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter):
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Tracing(provider)


@pytest.mark.parametrize("sends_parent", [True, False])
def test_a_request_is_a_span_with_its_phases(
    start_service, trained_home, applicant, exporter, tracing, tmp_path, sends_parent
):
    """Below the caller's span, one after the other, from the request's beginning to its end."""
    client = start_service(trained_home, tracing=tracing).client
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"} if sends_parent else {}
    answer = client.post("/v1/credit/score", json=applicant, headers={"X-Request-ID": "mine", **headers})
    client.get("/health/live")

    spans = {span.name: span for span in exporter.get_finished_spans()}

    assert answer.status_code == 200
    assert set(spans) == {"POST", "validate", "score", "store"}
    request = spans["POST"]
    if sends_parent:
        assert format(request.context.trace_id, "032x") == TRACE
        assert format(request.parent.span_id, "016x") == PARENT
    else:
        assert request.parent is None
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["backscore.request_id"] == "mine"
    assert request.attributes["backscore.version"] == 1
    phases = [spans[name] for name in ("validate", "score", "store")]
    assert {phase.parent.span_id for phase in phases} == {request.context.span_id}
    assert phases[0].end_time == phases[1].start_time
    assert phases[1].end_time == phases[2].start_time
    assert all(phase.start_time <= phase.end_time for phase in phases)
    slack = 50_000_000  # the clocks of the request and of its phases are two, read one after the other
    assert request.start_time - slack <= phases[0].start_time
    assert phases[2].end_time <= request.end_time + slack


def test_a_failure_is_traced_too(start_service, trained_home, exporter, tracing):
    """With its status; there is nothing to tell about phases."""
    client = start_service(trained_home, tracing=tracing).client

    client.post("/v1/credit/score", json={})

    (span,) = exporter.get_finished_spans()
    assert span.attributes["http.response.status_code"] == 422


@pytest.mark.parametrize(
    ("kind", "path"), [("http", "/health/live"), ("http", "/metrics"), ("http", "/static/x.css"), ("lifespan", "")]
)
def test_what_monitoring_asks_has_no_span(kind, path):
    """Nor has what is no request."""
    seen = []

    async def application(scope, _receive, _send):
        seen.append(scope)

    scope = {"type": kind, "path": path}
    asyncio.run(TraceRequests(application, tracing=None)(scope, None, None))

    assert seen == [scope]


def test_traces_are_off_unless_a_collector_is_named(monkeypatch, capsys):
    """The library alone does nothing, and its absence is nothing to tell."""
    for name in ENDPOINTS:
        monkeypatch.delenv(name, raising=False)

    assert open_tracing(open_log()) is None
    assert capsys.readouterr() == ("", "")


def test_a_collector_gets_them(monkeypatch, exporter):
    """Over HTTP, at the path for traces, under the service's name."""
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    got = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv(ENDPOINTS[1], f"http://127.0.0.1:{server.server_port}")
        tracing = open_tracing(open_log())
        with tracing.request({"method": "GET", "path": "/v1/models", "headers": [], "request_id": "r"}):
            pass
        tracing.close()
        server.shutdown()
        thread.join()

    ((path, body),) = got
    assert path == "/v1/traces"
    assert b"backscore" in body
    assert b"/v1/models" in body


def test_a_collector_without_the_library_is_said_once(monkeypatch, capsys):
    """The service runs on without traces."""
    import sys

    monkeypatch.setenv(ENDPOINTS[1], "http://127.0.0.1:4318")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)

    tracing = open_tracing(open_log())

    assert tracing is None
    assert "backscore[otel]" in json.loads(capsys.readouterr().err)["event"]
