"""`backscore DOMAIN NAME`: a dialogue in the terminal, line by line, that leaves nothing behind."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from models.domains import conversing_names
from models.domains._discovery import load_domains
from models.registry.database.schema import conversation_messages, predictions
from service.cli import app
from tests.conftest import Store

UNKNOWN, UNKNOWN_TOO = "purple monkeys dance", "xyzzy plugh"


@pytest.fixture
def talk(store: Store, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("BACKSCORE_HOME", str(store.home.path))
    return lambda *words, lines=(): CliRunner().invoke(app, ["chat", *words], input="\n".join(lines).encode())


def test_domains_that_hold_conversations_have_a_command() -> None:
    """The names are found without loading the domains; these say the same."""
    declared = [name for name, domain in load_domains().items() if domain.conversation is not None]
    assert conversing_names() == declared
    shown = CliRunner().invoke(app, ["--help"]).output
    assert all(name in shown for name in declared)


def test_lines_of_a_pipe_are_a_conversation(talk: Any, store: Store) -> None:
    """One reply a line; after a handover a new conversation begins. Nothing is recorded."""
    found = talk("chat", "--json", lines=["where's my last order", UNKNOWN, "2", "", UNKNOWN_TOO, "no", UNKNOWN])
    assert found.exit_code == 0, found.output
    replies = [json.loads(line) for line in found.stdout.splitlines()]
    decisions = [reply["decision"] for reply in replies]
    assert decisions == ["answer", "ask", "answer", "ask", "ask", "handover", "ask"]
    assert replies[2]["accepted"]["prediction_id"] == replies[1]["prediction_id"]
    with store.registry._engine.connect() as connection:
        for table in (predictions, conversation_messages):
            assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0


def test_what_is_said_and_what_is_remarked(talk: Any) -> None:
    """The answer alone is on standard output."""
    found = talk(lines=["where's my last order"])
    assert found.stdout.startswith("Orders are listed under Orders, each with its tracking number")
    assert found.stderr.startswith("  answer: Where an order is, 9")


def test_a_line_that_cannot_be_a_message_does_not_end_it(talk: Any) -> None:
    found = talk(lines=["x" * 10_001, "where's my last order"])
    assert found.exit_code == 0
    assert "Error: must be a text of at most 10,000 characters" in found.stderr
    assert found.stdout.startswith("Orders are listed")


def test_bytes_that_are_no_text(store: Store) -> None:
    """They are replaced, and the message is replied to."""
    command = [sys.executable, "-m", "service", "chat"]
    environment = {**os.environ, "BACKSCORE_HOME": str(store.home.path)}
    message = b"where's my \xff\xfe last order\n"
    done = subprocess.run(command, input=message, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stdout[:25]) == (0, b"Orders are listed under O"), done.stderr


@pytest.mark.parametrize("name", ["nobody", "credit"])
def test_models_that_hold_no_conversation(talk: Any, name: str) -> None:
    found = talk(name)
    assert found.exit_code == 2
    assert name in found.stderr
    assert "Traceback" not in found.output


@pytest.mark.parametrize("key", ["Ctrl+D", "Ctrl+C"])
def test_keys_end_it_without_a_trace(store: Store, key: str) -> None:
    """In a terminal of its own, after a message; Ctrl+C comes as the signal that it is."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "BACKSCORE_HOME": str(store.home.path), "TERM": "dumb"}
    command = [sys.executable, "-m", "service", "chat"]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background ignores it
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    signal.signal(signal.SIGINT, before)
    os.close(theirs)
    shown = b""
    waiting = select.poll()
    waiting.register(ours, select.POLLIN)
    deadline = time.monotonic() + 120
    typed = [b"where's my last order\n", b"\x04"]
    try:
        while process.poll() is None and time.monotonic() < deadline:
            if not waiting.poll(10_000):
                if not typed:  # a signal between the prompt and the wait for a line is seen with the next one
                    process.send_signal(signal.SIGINT if key == "Ctrl+C" else 0)
                continue
            try:
                shown += os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if typed and shown.endswith(b"> "):
                if len(typed) == 1 and key == "Ctrl+C":
                    process.send_signal(signal.SIGINT)
                    typed = []
                else:
                    os.write(ours, typed.pop(0))
        status = process.wait(60)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert status == 0, shown
    assert b"Orders are listed under Orders" in shown
    assert b"Traceback" not in shown
    assert b"Aborted" not in shown
