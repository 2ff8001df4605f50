"""JSON bodies of a fixed type."""

from __future__ import annotations

import asyncio
import json

import pytest
from pydantic import BaseModel
from starlette.requests import Request

from service.errors import InvalidRequestError
from service.requests.json_bodies import read_json


class Numbers(BaseModel):
    numbers: list[int]


def read(n_numbers):
    """The checked body of a request with so many numbers, of which twenty are allowed."""
    body = json.dumps({"numbers": list(range(n_numbers))}).encode()

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", b"application/json")]
    return asyncio.run(
        read_json(Request({"type": "http", "headers": headers}, receive), 10_000, Numbers, max_values=20)
    )


def test_a_body_of_too_many_values_is_refused_although_each_is_valid():
    """One of as many as are allowed is read."""
    assert read(20).numbers == list(range(20))
    with pytest.raises(InvalidRequestError) as refused:
        read(21)
    assert [error.message for error in refused.value.errors] == ["must not have more than 20 values"]
