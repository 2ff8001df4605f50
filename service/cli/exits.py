"""Exit codes of commands, and one clear message instead of a stack trace."""

# ruff: noqa: PLC0415 - heavy libraries are imported where they are needed, so that --help is quick

from __future__ import annotations

import os
from typing import Any

import typer
from typer.core import TyperGroup

from data.errors import DataError
from models.errors import BundleError, DatabaseError, JobLockedError, MetricsError, ModelError, UnreadablePolicyError
from service.cli import console

FAILURE = 1
BAD_INPUT = 2
NOT_PROMOTED = 3
SHIFTED = 4

DEBUG_VARIABLE = "BACKSCORE_DEBUG"

FAILURES = (BundleError, DatabaseError, JobLockedError, MetricsError, UnreadablePolicyError)
"""Errors not caused by the input; every other error raised on purpose is about the input."""


class CommandError(Exception):
    """A command with wrong input; its text is written for the user."""

    exit_code = BAD_INPUT


class CommandFailedError(CommandError):
    """A command that failed although its input was right."""

    exit_code = FAILURE


class CommandGroup(TyperGroup):
    """The commands; turns every error into a message on standard error and an exit code.

    With the environment variable BACKSCORE_DEBUG set to anything but 0, errors keep their stack trace.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the command on the command line."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            if _debugging() or _is_control_flow(error) or isinstance(error, BrokenPipeError):  # as after `| head`
                raise
            exit_code, text = _explained(error)
            console.complain(text)
            raise typer.Exit(exit_code) from error


def _debugging() -> bool:
    return os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0")


def _is_control_flow(error: Exception) -> bool:
    """Whether typer raised this itself, to end the command or to explain its usage."""
    return type(error).__module__.split(".")[0] in ("typer", "click")


def _explained(error: Exception) -> tuple[int, str]:
    """Exit code and message of an error."""
    from service.errors import ServiceError

    if isinstance(error, CommandError):
        return error.exit_code, str(error)
    if isinstance(error, FAILURES):
        return FAILURE, str(error)
    if isinstance(error, (DataError, ModelError, ServiceError)):
        return BAD_INPUT, str(error)
    if isinstance(error, OSError) and error.strerror is not None:
        return FAILURE, error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    return FAILURE, (
        f"{type(error).__name__}: {error}\n"
        f"This is a bug. Run the command again with {DEBUG_VARIABLE}=1 for the stack trace."
    )
