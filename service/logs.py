"""The service's log: one JSON object a line, or lines for people."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal, TextIO, TypeAlias

import structlog
from pydantic_core import to_json
from structlog.typing import FilteringBoundLogger

WriteLine: TypeAlias = Callable[[Mapping[str, Any]], None]
LogFormat: TypeAlias = Literal["json", "console"]


def open_log(stream: TextIO | None = None, form: LogFormat = "json") -> FilteringBoundLogger:
    """A log from level info on that writes to the stream, standard error by default.

    It is made here and handed on, so that nothing depends on what a program around the service has configured.
    """
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(Unfailing(stream or sys.stderr)),  # type: ignore[arg-type]
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_pid,
            *(
                [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_json)]
                if form == "json"
                else [CONSOLE]
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    return log


class Unfailing:
    """A stream that loses what it cannot write: a full disk must not fail the requests that are logged."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, if that can be done."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand on what was written, if that can be done."""
        with suppress(OSError):
            self._stream.flush()


class RequestLines:
    """Writes the line about each request, in the log's own form.

    Without the log's chain of processors, which takes several times as long, for the line that is written most often;
    and all lines of one turn of the event loop at once, when it ends. So a line is written before its process waits
    for anything, and only a process that is killed can take the lines of its last turn with it.
    """

    def __init__(self, stream: TextIO | None = None, form: LogFormat = "json") -> None:
        self._out = Unfailing(stream or sys.stderr)
        self._line = _json_line if form == "json" else _console_line
        self._waiting: list[Mapping[str, Any]] = []

    def __call__(self, fields: Mapping[str, Any]) -> None:
        """Write a line soon."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append({**fields, "event": "request", "level": "info", "timestamp": datetime.now(UTC)})

    def _flush(self) -> None:
        lines, self._waiting = self._waiting, []
        self._out.write("".join(map(self._line, lines)))
        self._out.flush()


CONSOLE = structlog.dev.ConsoleRenderer(colors=False, repr_native_str=True)  # whatever came stays on one line


def _add_pid(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["pid"] = os.getpid()  # of several workers that write to one stream
    return event


def _json_line(event: Mapping[str, Any]) -> str:
    return _json(event) + "\n"


def _console_line(event: Mapping[str, Any]) -> str:
    return CONSOLE(None, "info", {**event, "timestamp": f"{event['timestamp']:%Y-%m-%dT%H:%M:%S.%fZ}"}) + "\n"


def _json(event: Mapping[str, Any], **_options: Any) -> str:
    """The line of an event; several times faster than the standard library, and a request has one."""
    return to_json(event, fallback=str).decode()
