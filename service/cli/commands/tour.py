"""One real HTTP request to every endpoint: as commands to paste, or sent and shown."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any

from rich.json import JSON
from rich.rule import Rule

from service.cli import console
from service.cli.exits import CommandFailedError

if TYPE_CHECKING:
    from models.contract import LiveModel


@dataclass(frozen=True)
class Call:
    """A request to one endpoint; `body` is None for a GET, else what is sent as JSON."""

    method: str
    path: str
    body: Any = None

    def as_curl(self, address: str, *, with_key: bool) -> str:
        """The request as a command that can be pasted into a shell."""
        words = ["curl", "-s"]
        if self.method != "GET":
            words += ["-X", self.method, "-H", "Content-Type: application/json", "-d", json.dumps(self.body)]
        key = ' -H "X-API-Key: $BACKSCORE_API_KEY"' if with_key else ""
        return shlex.join([*words, f"{address}{self.path}"]) + key


def calls_of(models: Sequence[LiveModel]) -> list[Call]:
    """A request to every endpoint that these models have, from their tables' examples.

    Raises CommandFailedError for a model whose table lacks the example of a column that a request needs.
    """
    from service.live.served_model import ServedModel

    calls = []
    for live in models:
        served = ServedModel.of(live, digest="")
        row = served.example()
        operations = {name: served.example(operation) for name, operation in served.operations.items()}
        if row is None or None in operations.values():
            raise CommandFailedError(f"the table of {live.name!r} lacks examples of columns that a request needs")
        calls.append(Call("POST", f"/v1/{live.name}/score", row))
        calls += [Call("POST", f"/v1/{live.name}/{name}", body) for name, body in operations.items()]
        calls.append(Call("POST", f"/v1/{live.name}/batch", {"rows": [row, row]}))
    calls.append(Call("GET", "/v1/models"))
    calls += [Call("GET", f"/v1/models/{live.name}") for live in models]
    return [*calls, Call("GET", "/health/live"), Call("GET", "/health/ready")]


def print_calls(calls: Iterable[Call], address: str, *, with_key: bool) -> None:
    """One command a line, ready to be pasted."""
    for call in calls:
        console.say(call.as_curl(address, with_key=with_key))


def send_all(calls: Iterable[Call], host: str, port: int, key: str | None) -> None:
    """Send each call and print request and answer; CommandFailedError in the end if one was not answered as meant."""
    failed = []
    for call in calls:
        console.results.print(Rule(f"{call.method} {call.path}", align="left"))
        if call.body is not None:
            console.results.print(JSON.from_data(call.body))
        status, answer = send(call, host, port, key)
        is_success = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
        console.say(f"-> {status} {HTTPStatus(status).phrase}", style="green" if is_success else "red")
        console.results.print(JSON.from_data(answer))
        if not is_success:
            failed.append(f"{call.method} {call.path} ({status})")
    if failed:
        raise CommandFailedError(f"not answered as meant: {', '.join(failed)}")


def send(call: Call, host: str, port: int, key: str | None) -> tuple[int, Any]:
    """Status and JSON of the answer; CommandFailedError if there is none."""
    headers = {"Content-Type": "application/json"} if call.body is not None else {}
    if key is not None:
        headers["X-API-Key"] = key
    connection = HTTPConnection(host, port, timeout=30)
    try:
        connection.request(call.method, call.path, None if call.body is None else json.dumps(call.body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, HTTPException, json.JSONDecodeError) as error:
        raise CommandFailedError(f"{call.method} {call.path}: no answer that can be read: {error}") from error
    finally:
        connection.close()
