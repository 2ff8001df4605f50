"""The service's structured log: one JSON object per line, or console lines for people.

An error is logged by its type and its stack, see `stack_trace`: neither its message nor any variable, since these may
quote a key, a header or a row.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from traceback import walk_tb
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
            _add_stack_trace,
            structlog.processors.JSONRenderer(serializer=_json) if form == "json" else CONSOLE,
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


class ServerFormatter(logging.Formatter):
    """Formats what uvicorn logs, with our stack traces."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name is logging's
        """The stack trace of (type, error, traceback)."""
        return stack_trace(ei[1])


def log_loop_errors(log: FilteringBoundLogger) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    """A handler of errors that nothing in the event loop caught; asyncio's own logs the arguments of callbacks."""

    def handle(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        known = [what for what in LOOP_ERRORS if str(context.get("message", "")).startswith(what)]
        log.error(known[0] if known else "error in the event loop", exc_info=context.get("exception"))

    return handle


LOOP_ERRORS = ("Exception in callback", "Task exception was never retrieved", "Future exception was never retrieved")


def stack_trace(error: BaseException) -> str:
    """The stack of an error and of those that led to it, oldest first, without messages and variables.

    Messages are left out because they quote what was sent, as in "could not convert string to float: 'Jane Doe'". The
    system's own text of an OSError stays.
    """
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = [stack_trace(one) for one in (cause, *_members(error)) if one is not None]
    system = f": {os.strerror(error.errno)}" if isinstance(error, OSError) and error.errno else ""
    name = f"{type(error).__module__}.{type(error).__qualname__}{system}"
    codes = [(frame.f_code, line) for frame, line in walk_tb(error.__traceback__)]
    frames = [f'  File "{code.co_filename}", line {line}, in {code.co_qualname}' for code, line in codes]
    own = "\n".join(["Traceback (most recent call last):", *frames, name])
    return "\n\nled to\n\n".join([*before, own])


def _members(error: BaseException) -> tuple[BaseException, ...]:
    return error.exceptions if isinstance(error, BaseExceptionGroup) else ()


CONSOLE = structlog.dev.ConsoleRenderer(
    colors=False,
    repr_native_str=True,  # repr: no line breaks, so no forged lines
    exception_formatter=structlog.dev.plain_traceback,  # the default prints the variables of every frame
)


def _add_stack_trace(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    found = event.pop("exc_info", None)
    error = found if isinstance(found, BaseException) else sys.exc_info()[1] if found else None
    if error is not None:
        event["exception"] = stack_trace(error)
    return event


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
