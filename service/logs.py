"""The service's structured log: one JSON object per line, or console lines for people."""

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
    """A logger of level info and above that writes to the stream, standard error by default.

    It is passed around rather than global, so that it does not depend on the logging configuration of a host program.
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
    """A stream that ignores write errors: a full disk must not fail the requests that are logged."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, ignoring errors."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, ignoring errors."""
        with suppress(OSError):
            self._stream.flush()


class RequestLines:
    """Writes the log line of each request, in the format of the log.

    It bypasses structlog's processors, which take several times as long, and writes all lines of one turn of the event
    loop at its end. So lines are written before the process waits for anything; only a killed process loses those of
    its last turn.
    """

    def __init__(self, stream: TextIO | None = None, form: LogFormat = "json") -> None:
        self._out = Unfailing(stream or sys.stderr)
        self._line = _json_line if form == "json" else _console_line
        self._waiting: list[Mapping[str, Any]] = []

    def __call__(self, fields: Mapping[str, Any]) -> None:
        """Queue a line for the end of this turn of the event loop."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append({**fields, "event": "request", "level": "info", "timestamp": datetime.now(UTC)})

    def _flush(self) -> None:
        lines, self._waiting = self._waiting, []
        self._out.write("".join(map(self._line, lines)))
        self._out.flush()


CONSOLE = structlog.dev.ConsoleRenderer(colors=False, repr_native_str=True)  # repr: no line breaks, so no forged lines


def _add_pid(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["pid"] = os.getpid()  # several workers may write to one stream
    return event


def _json_line(event: Mapping[str, Any]) -> str:
    return _json(event) + "\n"


def _console_line(event: Mapping[str, Any]) -> str:
    return CONSOLE(None, "info", {**event, "timestamp": f"{event['timestamp']:%Y-%m-%dT%H:%M:%S.%fZ}"}) + "\n"


def _json(event: Mapping[str, Any], **_options: Any) -> str:
    """An event as JSON; several times faster than the standard library, which matters for every request."""
    return to_json(event, fallback=str).decode()
