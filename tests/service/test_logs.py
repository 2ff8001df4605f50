"""Lines about requests: what they say, in which form, and when they are written."""

import asyncio
import io
import json
import logging
import os
from datetime import UTC, datetime, timedelta

import pytest

from data.errors import DataError
from service.logs import RequestLines, ServerFormatter, log_loop_errors, open_log
from service.runtime.server import LOG_CONFIG


class Recorder(io.StringIO):
    """A stream that knows how often something was written."""

    n_writes = 0

    def write(self, text):
        self.n_writes += 1
        return super().write(text)


def test_a_line_says_who_answered_whom(start_service, trained_home, applicant):
    """Model, version, key, process, level and time, along with the request."""
    service = start_service(trained_home, api_key="sesame")
    service.client.post("/v1/credit/score", json=applicant, headers={"X-API-Key": "sesame"})
    service.client.post("/v1/credit/score", json=applicant)

    answered, refused = service.log_lines("request")

    assert (answered["model"], answered["version"], answered["pid"]) == ("credit", 1, os.getpid())
    assert answered["key"]
    assert answered["level"] == "info"
    assert abs(datetime.fromisoformat(answered["timestamp"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert (refused["status"], refused["model"]) == (401, "credit")
    assert "key" not in refused
    assert "version" not in refused


def test_lines_for_people(start_service, trained_home, applicant):
    """The same on one line each, without JSON."""
    service = start_service(trained_home, log_format="console")
    name = service.client.post("/v1/credit/score", json=applicant).headers["x-request-id"]

    (line,) = [line for line in service.log.getvalue().splitlines() if name in line]

    assert "/v1/credit/score" in line
    assert "request" in line
    with pytest.raises(ValueError, match=r"Expecting value|Extra data"):
        json.loads(line)


@pytest.mark.parametrize("form", ["json", "console"])
def test_what_a_caller_types_stays_on_one_line(start_service, trained_home, form):
    """A line break in a path cannot forge a second log line."""
    service = start_service(trained_home, log_format=form)
    before = service.log.getvalue().splitlines()
    service.client.get('/v1/x%0A{"event":"request","status":200}')

    (line,) = service.log.getvalue().splitlines()[len(before) :]

    assert "404" in line


def test_lines_of_one_turn_are_written_at_once():
    """One call of the system for all of them, in their order, before the loop waits for anything."""
    stream = Recorder()
    lines = RequestLines(stream)

    async def requests():
        for number in range(5):
            lines({"number": number})
        nothing_yet = stream.getvalue()
        await asyncio.sleep(0)
        return nothing_yet

    assert asyncio.run(requests()) == ""
    assert [json.loads(line)["number"] for line in stream.getvalue().splitlines()] == [0, 1, 2, 3, 4]
    assert stream.n_writes == 1


@pytest.mark.parametrize("form", ["json", "console"])
def test_failures_keep_their_stack_and_lose_their_text(form):
    """Types and stacks of the error and its causes, members of groups among them; no messages, no variables."""
    stream = io.StringIO()
    log = open_log(stream, form)

    def inner(secret):
        raise KeyError(secret)

    def outer(secret):
        try:
            inner(secret)
        except KeyError as error:
            raise ExceptionGroup(secret, [OSError(28, "x", secret), ValueError(secret)]) from error

    try:
        outer("the marked text")
    except ExceptionGroup:
        log.exception("request failed", request_id="r-1")

    text = stream.getvalue()
    assert "marked text" not in text
    for kept in ("Traceback", "r-1", ".inner", ".outer", "KeyError", "ExceptionGroup", "ValueError", "No space left"):
        assert kept in text


MARKS = {"key": "marked-key-0123456789", "cookie": "marked-cookie", "header": "marked-header", "row": "marked-row"}


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize(
    ("path", "fails"),
    [
        ("/v1/credit/score", "service.scoring.row_batcher.answer_columns"),
        ("/v1/credit/score", "service.live.served_model.ServedModel.for_prediction"),
        ("/v1/credit/batch", "service.scoring.batch_rows.answer_columns"),
        ("/v1/credit/trace", "service.live.served_operation.ServedOperation.respond"),
        ("/v1/fraud/score", "models.records.events.event_log.EventLog._store"),
        ("/v1/credit/score", "models.records.audit_log.log.PredictionAppender.write"),
        ("/login", "service.access.key_ring.KeyRing.caller_of"),
    ],
)
@pytest.mark.parametrize("kind", [RuntimeError, DataError])
def test_no_key_header_cookie_or_row_is_logged(start_service, store, monkeypatch, form, path, fails, kind):
    """Of an unforeseen error whose message quotes all that it was given, anywhere on a request's way."""
    service = start_service(store.home.path, api_key=MARKS["key"], log_format=form)
    live = service.client.app.state.live_models

    def fail(*given, **named):
        raise kind(f"{given} {named} {MARKS}")

    monkeypatch.setattr(fails, fail)
    name = path.split("/")[2] if path != "/login" else "credit"
    row = live.served(name).example() | _marked(live.served(name).live.table)
    headers = {"X-Request-ID": "r-1", "X-API-Key": MARKS["key"], "Cookie": f"a={MARKS['cookie']}"}
    headers |= {"User-Agent": MARKS["header"]}
    if path == "/login":
        sent = {"data": {"key": MARKS["key"]}, "headers": headers}
    else:
        bodies = {"batch": {"rows": [row]}, "trace": {"row": row}}
        sent = {"json": bodies.get(path.split("/")[3], row), "headers": headers}
    status = service.client.post(path, **sent).status_code

    text = service.log.getvalue()
    if path != "/login":
        assert status in (500, 503)
        assert kind.__name__ in text
        assert ".fail" in text
    assert "r-1" in text
    assert "marked" not in text


def _marked(table):
    """A marked value of the first category that takes any text."""
    column = next((c for c in table.inputs if c.kind == "key"), None)
    return {column.name: MARKS["row"]} if column else {}


def test_what_the_event_loop_and_uvicorn_log_quotes_nothing():
    """Asyncio's own log has the arguments of callbacks, uvicorn's the message of an error after the answer began."""
    stream = io.StringIO()
    log = open_log(stream)

    async def run():
        asyncio.get_running_loop().set_exception_handler(log_loop_errors(log))
        asyncio.get_running_loop().call_soon(int, "marked")
        await asyncio.sleep(0)

    asyncio.run(run())
    assert "Exception in callback" in stream.getvalue()
    try:
        int("marked")
    except ValueError as error:
        record = logging.LogRecord(
            "uvicorn", 40, "x", 1, "in application", (), (ValueError, error, error.__traceback__)
        )
    text = stream.getvalue() + ServerFormatter().format(record)
    assert "ValueError" in text
    assert "marked" not in text
    assert LOG_CONFIG["formatters"]["default"] == {"()": "service.logs.ServerFormatter"}
