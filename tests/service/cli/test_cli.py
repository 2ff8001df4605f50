"""What holds for every command."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer

from service.cli import app
from service.cli.commands import score


def commands(group, path=()):
    """Every command below a group, with its words."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands(typer.main.get_command(app)))


def test_the_commands_are_those_of_the_design():
    """Every expected file is present, and no other."""
    assert {" ".join(words) for words in COMMANDS} == {
        "quickstart",
        "train",
        "evaluate",
        "score",
        "chat",
        "serve",
        "alerts",
        "figures",
        "doctor",
        "models list",
        "models show",
        "models promote",
        "models rollback",
        "policy show",
        "policy simulate",
        "policy activate",
        "policy rollback",
        "events load",
        "events labels",
        "events show",
        "events export",
        "outcomes load",
        "outcomes inbox",
        "performance",
        "audit show",
        "monitor",
        "audit list",
        "audit settings",
        "audit prune",
        "keys create",
        "keys list",
        "keys revoke",
        "rollout start",
        "rollout stop",
        "rollout show",
        "rollout decide",
        "rules backtest",
        "table infer",
        "table show",
        "data list",
        "data fetch",
        "data simulate",
    }


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_and_option_explains_itself(run, words):
    """--help works, is listed one level up, and says something about every parameter."""
    outcome, above = run(*words, "--help"), run(*words[:-1], "--help")

    assert outcome.exit_code == 0
    assert words[-1] in above.stdout
    assert COMMANDS[words].help
    for parameter in COMMANDS[words].params:
        assert parameter.help, f"{parameter.name} has no help"


def test_help_does_not_load_heavy_libraries():
    """`backscore --help` answers at once because nothing big is imported for it."""
    heavy = {"numpy", "pandas", "sklearn", "pyarrow", "pydantic", "fastapi", "sqlalchemy"}
    code = f"import sys, service.cli; print(sorted({heavy} & set(sys.modules)))"

    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert output.strip() == "[]"


def test_python_m_service_is_the_command(start):
    """The package runs as a module too, and says its version."""
    process = start("--version")

    stdout, _ = process.communicate(timeout=30)

    assert process.returncode == 0
    assert stdout.startswith("backscore ")


@pytest.mark.parametrize("words", [["nonsense"], ["train", "astrology"], ["train", "credit", "--preset", "slow"]])
def test_a_wrong_word_is_bad_input(run, words):
    """What is allowed is named."""
    outcome = run(*words)

    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert words[-1] in outcome.stderr


def test_a_wrong_variable_is_named(run, monkeypatch):
    """Settings come from the environment; the message says which variable does not fit."""
    monkeypatch.setenv("BACKSCORE_PORT", "eighty")

    outcome = run("models", "list")

    assert outcome.exit_code == 2
    assert "BACKSCORE_PORT" in outcome.stderr
    assert "'eighty'" in outcome.stderr


def test_an_unforeseen_error_is_a_short_message(run, monkeypatch, tmp_path):
    """No stack trace, but the way to see it."""
    monkeypatch.setattr(score, "live_model", lambda *_: 1 / 0)

    outcome = run("score", tmp_path / "in.csv", "--name", "credit", "--out", tmp_path / "out.csv")

    assert outcome.exit_code == 1
    assert "division by zero" in outcome.stderr
    assert "BACKSCORE_DEBUG=1" in outcome.stderr


def test_debugging_keeps_the_stack_trace(run, monkeypatch, tmp_path):
    """BACKSCORE_DEBUG=1 lets errors through as they are."""
    monkeypatch.setattr(score, "live_model", lambda *_: 1 / 0)
    monkeypatch.setenv("BACKSCORE_DEBUG", "1")

    outcome = run("score", tmp_path / "in.csv", "--name", "credit", "--out", tmp_path / "out.csv")

    assert isinstance(outcome.exception, ZeroDivisionError)


def test_a_home_that_cannot_be_written_is_a_failure(run, tmp_path, monkeypatch):
    """A database that cannot be opened is not the input's fault: exit code 1."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("BACKSCORE_HOME", str(tmp_path / "file"))

    outcome = run("models", "list")

    assert outcome.exit_code == 1
    assert "database" in outcome.stderr


def test_a_closed_pipe_ends_a_command_quietly(start):
    """As after `| head`: exit code 1 and nothing on standard error."""
    process = start("train", "--help")
    process.stdout.close()

    _, stderr = process.communicate(timeout=60)

    assert process.returncode == 1
    assert stderr == ""
