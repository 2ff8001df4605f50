"""An example HTTP request to every endpoint: as commands to paste, or sent and printed."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.cli.console import Line, Part, print_text
from service.cli.exits import CommandFailedError

if TYPE_CHECKING:
    from models.contract import LiveModel

MAX_SHOWN = 600
"""Characters of a request or an answer that are printed."""


@dataclass(frozen=True)
class Call:
    """A request to one endpoint; `body` is sent as JSON, None for a GET."""

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
    """A request to every endpoint of these models, from their tables' examples.

    Raises CommandFailedError for a model whose table lacks the example of a column that a request needs.
    """
    from service.live.served_model import ServedModel

    calls = []
    for live in models:
        served = ServedModel.of(live, digest="")
        row = served.example()
        operations = {name: served.example(operation) for name, operation in served.operations.items()}
        if row is None or None in operations.values():
            raise CommandFailedError(f"the table of {live.name!r} lacks examples for some columns of a request")
        calls.append(Call("POST", f"/v1/{live.name}/score", row))
        calls += [Call("POST", f"/v1/{live.name}/{name}", body) for name, body in operations.items()]
        calls.append(Call("POST", f"/v1/{live.name}/batch", {"rows": [row, row]}))
    calls.append(Call("GET", "/v1/models"))
    calls += [Call("GET", f"/v1/models/{live.name}") for live in models]
    return [*calls, Call("GET", "/health/live"), Call("GET", "/health/ready")]


def print_calls(calls: Iterable[Call], address: str, *, with_key: bool) -> None:
    """One command a line, ready to be pasted."""
    print_text(call.as_curl(address, with_key=with_key) for call in calls)


def send_all(calls: Iterable[Call], host: str, port: int, key: str | None, *, file: Path | None = None) -> None:
    """Send each call and print request and answer, shortened; CommandFailedError in the end if one failed.

    Parameters
    ----------
    file : where requests and answers are written whole, as JSON.
    """
    exchanges = []
    for call in calls:
        status, answer = send(call, host, port, key)
        exchanges.append(
            {"method": call.method, "path": call.path, "request": call.body, "status": status, "answer": answer}
        )
        print_text(_exchange_text(call, status, answer))
    if file is not None:
        file.write_text(json.dumps({"exchanges": exchanges}, ensure_ascii=False, indent=2), "utf-8", newline="\n")
    failed = [f"{one['method']} {one['path']} ({one['status']})" for one in exchanges if not _is_success(one["status"])]
    if failed:
        raise CommandFailedError(f"requests that failed: {', '.join(failed)}")


def _is_success(status: int) -> bool:
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def _exchange_text(call: Call, status: int, answer: Any) -> Iterator[Part]:
    yield Line(f"{call.method} {call.path}", "bold")
    if call.body is not None:
        yield f"  {_shortened(call.body)}"
    yield Line(f"  -> {status} {HTTPStatus(status).phrase}", "green" if _is_success(status) else "red")
    yield f"  {_shortened(answer)}"


def _shortened(content: Any) -> str:
    text = json.dumps(content, ensure_ascii=False)
    if len(text) <= MAX_SHOWN:
        return text
    return f"{text[:MAX_SHOWN]} ... ({len(text) - MAX_SHOWN:,} more characters)"


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
        raise CommandFailedError(f"{call.method} {call.path}: no readable answer: {error}") from error
    finally:
        connection.close()
