"""Lines about requests: what they say, in which form, and when they are written."""

import asyncio
import io
import json
import os
from datetime import UTC, datetime, timedelta

import pytest

from service.logs import RequestLines, open_log


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
def test_failures_keep_their_stack_trace(form):
    """In both forms."""
    stream = io.StringIO()
    log = open_log(stream, form)
    try:
        raise RuntimeError("the inner text")
    except RuntimeError:
        log.exception("request failed", request_id="r-1")

    text = stream.getvalue()
    assert "the inner text" in text
    assert "Traceback" in text
    assert "r-1" in text
