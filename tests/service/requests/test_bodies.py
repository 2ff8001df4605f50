"""Bodies: a refusal comes as early as it can, and half a body is none."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import ClientDisconnect

from service.errors import BodyTooLargeError
from service.requests.bodies import read_body


def read(messages, limit, headers=()):
    """The body, and how many messages were taken for it."""
    waiting = list(messages)

    async def receive():
        return waiting.pop(0)

    scope = {"type": "http", "headers": list(headers)}
    try:
        return asyncio.run(read_body(scope, receive, limit))
    finally:
        messages[:] = waiting


@pytest.mark.parametrize(("announced", "is_refused"), [(b"10", False), (b"11", True), (b"9" * 400, True)])
def test_a_body_that_is_announced_as_too_large_is_not_read(announced, is_refused):
    """Not a byte of it; one that is announced as small is read."""
    messages = [{"type": "http.request", "body": b"0123456789", "more_body": False}]
    headers = [(b"content-length", announced)]

    if is_refused:
        with pytest.raises(BodyTooLargeError):
            read(messages, 10, headers)
    else:
        assert read(messages, 10, headers) == b"0123456789"
    assert len(messages) == is_refused


def test_a_client_that_leaves_half_way_has_sent_no_body():
    """What came before is not taken for the whole."""
    messages = [{"type": "http.request", "body": b'{"a": 1}', "more_body": True}, {"type": "http.disconnect"}]

    with pytest.raises(ClientDisconnect):
        read(messages, 100)
