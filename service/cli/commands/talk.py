"""The command of each domain that holds conversations: a dialogue in the terminal."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import Part, Remark, complain, print_text, remark
from service.cli.context import live_model, read_settings
from service.cli.exits import CommandError

if TYPE_CHECKING:
    from models.contract import LiveModel

SESSION = "terminal"


def command_of(domain: str) -> Callable[..., None]:
    """The command that talks to models of a domain."""

    def talk(
        name: Annotated[str, typer.Argument(metavar="NAME", help="Model name, as in its endpoint.")] = domain,
        as_json: Annotated[bool, typer.Option("--json", help="Print each reply as one line of JSON.")] = False,
    ) -> None:
        """Talk to a model: each line is a message, and is replied to as in a conversation over HTTP.

        Nothing is recorded. Ctrl+D or Ctrl+C ends it. Lines may also come from a pipe.
        """
        live = live_model(read_settings(), name)
        if live.domain.conversation is None:
            raise CommandError(f"{name!r} is a {live.domain.name} model, which holds no conversations")
        try:
            for said in _said(live, as_json=as_json):
                print_text(said)
        except (EOFError, KeyboardInterrupt):
            if sys.stdin.isatty():
                remark("")

    return talk


def _said(live: LiveModel, *, as_json: bool) -> Iterator[Sequence[Part]]:
    """What is said to each line that is typed; what cannot be a message is told on standard error."""
    from pydantic import TypeAdapter, ValidationError

    from models.contract import BEFORE

    operation = live.domain.conversation
    assert operation is not None  # noqa: S101 - see `command_of`
    assert operation.conversation is not None  # noqa: S101 - as it says
    conversation, body_type = operation.conversation, TypeAdapter(operation.body(live.table))
    memory: Any = None
    for place, line in enumerate(_lines(live)):
        try:
            body = body_type.validate_python(conversation.body(live, line, SESSION))
        except ValidationError as error:
            complain(error.errors(include_url=False)[0]["msg"])
            continue
        reply, memory = conversation.go_on(live, {**body, BEFORE: memory}, f"{SESSION}-{place + 1}")
        yield (
            [reply.model_dump_json()] if as_json else [conversation.say(reply), Remark(f"  {conversation.note(reply)}")]
        )
        if conversation.is_over(reply):
            memory = None


def _lines(live: LiveModel) -> Iterator[str]:
    """The lines that are typed, or come from a pipe; bytes that are no UTF-8 are replaced."""
    if not sys.stdin.isatty():
        if hasattr(sys.stdin, "reconfigure"):
            sys.stdin.reconfigure(errors="replace")
        yield from (line.rstrip("\r\n") for line in sys.stdin)
        return
    remark(f"{live.name!r} version {live.version}. Type a message; Ctrl+D ends.", style="dim")
    while True:
        yield input("> ")
