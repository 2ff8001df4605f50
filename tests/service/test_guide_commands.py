"""README and guide: their commands and code run as they are written, page by page, in an empty folder."""

from __future__ import annotations

import os
import re
import shlex
import tomllib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from data.files.table_toml import table_from_dict
from service.cli import app
from tests.conftest import Service, Store
from tests.guide_blocks import PAGES, blocks_of

EXIT_CODE = re.compile(r"# .*exit code (\d)")
"""A command that is meant to end otherwise than with 0 says so in a comment."""
RUNS_ELSEWHERE = ("quickstart", "tests", "not run: ")
"""Marks of blocks that this test leaves out: .ci/run runs the first two; others say why nothing can."""
LANGUAGES = {"sh", "python", "toml", "json"}


@pytest.fixture
def home(watched: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with trained models, and an empty folder to be in."""
    for name in [name for name in os.environ if name.startswith("BACKSCORE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BACKSCORE_HOME", str(watched.home.path))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return watched.home.path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_runs_as_it_is_written(page: Path, home: Path, start_service: Callable[..., Service]) -> None:
    """Commands end with 0, requests are answered by the service, Python runs, TOML and JSON can be read."""
    service: Service | None = None
    for block in blocks_of(page):
        assert block.language in LANGUAGES, block
        if block.mark.startswith(RUNS_ELSEWHERE):
            continue
        if block.mark.startswith("file: "):
            Path(block.mark.removeprefix("file: ")).write_text(block.text)
        if block.language == "toml":
            check_toml(block.text)
        elif block.language == "python":
            exec(compile(block.text, str(page), "exec"), {"__name__": "__guide__"})  # noqa: S102
        elif block.language == "sh":
            for line in block.text.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if words[:1] == ["backscore"]:
                    run_command(words[1:], int(found[1]) if (found := EXIT_CODE.search(line)) else 0)
                elif words[:1] == ["curl"]:
                    service = service or start_service(home)
                    send(words, service)
                else:
                    assert not words, f"{page.name}: nothing runs {line!r}"


def run_command(words: list[str], exit_code: int) -> None:
    """As the shell would, but in this process."""
    result = CliRunner().invoke(app, words)
    assert result.exit_code == exit_code, f"backscore {shlex.join(words)}\n{result.output}"


def send(words: list[str], service: Service) -> None:
    """A curl command as a request; it must be understood, whatever its values are answered with."""
    options, (address,) = {}, [word for word in words if word.startswith("http://127.0.0.1:8000")]
    for option, value in pairwise(words):
        if option in ("--json", "-X", "-H"):
            options[option] = value
    body, headers = options.get("--json"), dict([options["-H"].split(": ")] if "-H" in options else [])
    method = options.get("-X", "GET" if body is None else "POST")
    if body is not None:
        headers["content-type"] = "application/json"
    path = address.removeprefix("http://127.0.0.1:8000")
    answer = service.client.request(method, path, content=body, headers=headers)
    assert answer.status_code in (200, 422), f"{path}: {answer.text}"


def check_toml(text: str) -> None:
    """Columns are those of a table, or it is some other file of ours; either way TOML can be read."""
    found: dict[str, Any] = tomllib.loads(text)
    if "name" in found and "columns" in found:
        table_from_dict(found)
    elif "columns" in found:
        for name, column in found["columns"].items():
            if "window" not in column:
                table_from_dict({"name": "guide", "description": "", "columns": {name: column}})


def test_blocks_that_do_not_run_say_why() -> None:
    """And what runs elsewhere is named by a mark that CI looks for."""
    marks = [block.mark for page in PAGES for block in blocks_of(page) if block.language == "sh" and block.mark]
    assert all(mark.startswith((*RUNS_ELSEWHERE, "file: ")) for mark in marks)
    assert {"quickstart", "tests"} <= set(marks)
