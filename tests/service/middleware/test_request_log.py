"""The line of a request: whose id, which requests have none, and what becomes of failures."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import ClientDisconnect

from service.logs import open_log
from service.metrics.metrics import Metrics
from service.middleware.request_log import RequestLog

START = {"type": "http.response.start", "status": 200, "headers": []}


def play(application, path="/v1/models", headers=(), kind="http"):
    """The log lines and sent messages of one connection, and the scope that the application saw."""
    lines, sent, metrics = [], [], Metrics()
    scope = {"type": kind, "method": "GET", "path": path, "headers": list(headers)}

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    stack = RequestLog(
        application, log=open_log(), write_line=lines.append, new_id=lambda: "new", metrics=metrics,
        served_models=dict, is_draining=lambda: False,
    )  # fmt: skip
    asyncio.run(stack(scope, receive, send))
    return lines, sent, scope


async def answer(_scope, _receive, send):
    await send(dict(START))
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize(
    ("given", "kept"),
    [(b"abc-1.X_2", "abc-1.X_2"), (b"a" * 64, "a" * 64), (b"a" * 65, "new"), (b"a b", "new"), (b"", "new")],
)
def test_an_id_that_is_safe_to_log_is_kept(given, kept):
    (line,), sent, _ = play(answer, headers=[(b"accept", b"*/*"), (b"x-request-id", given)])

    assert line["request_id"] == kept
    assert (b"x-request-id", kept.encode()) in [(name.lower(), value) for name, value in sent[0]["headers"]]


@pytest.mark.parametrize("path", ["/health/live", "/v2/health/ready", "/metrics", "/static/x.css"])
def test_what_monitoring_and_pages_fetch_all_the_time_has_no_line(path):
    assert play(answer, path)[0] == []


def test_what_is_no_request_passes_as_it_is():
    """The lifespan of the application has neither id nor line."""

    async def lifespan(scope, _receive, send):
        assert "exchange" not in scope
        await send({"type": "lifespan.startup.complete"})

    lines, sent, scope = play(lifespan, kind="lifespan")

    assert (lines, sent) == ([], [{"type": "lifespan.startup.complete"}])
    assert "request_id" not in scope


def test_a_failure_before_the_answer_is_a_problem_and_one_within_it_ends_the_connection():
    """Half an answer cannot be taken back: the server must learn of it."""

    async def fail(_scope, _receive, _send):
        raise RuntimeError("broken")

    async def fail_late(_scope, _receive, send):
        await send(dict(START))
        raise RuntimeError("broken")

    (line,), sent, _ = play(fail)
    assert (line["status"], sent[0]["status"]) == (500, 500)
    with pytest.raises(RuntimeError, match="broken"):
        play(fail_late)


def test_a_client_that_left_has_a_status_of_its_own():
    async def leave(_scope, _receive, _send):
        raise ClientDisconnect

    (line,), sent, _ = play(leave)

    assert (line["status"], sent) == (499, [])
