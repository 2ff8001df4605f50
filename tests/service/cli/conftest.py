"""Calling the command line, in this process or in one of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from models.domains._discovery import load_domains
from models.home import Home
from models.registry.registry import Registry
from service.cli import app
from tests.conftest import Store


@dataclass(frozen=True)
class Outcome:
    """Exit code and output of a command."""

    exit_code: int
    stdout: str
    stderr: str
    exception: BaseException | None

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        found = json.loads(self.stdout)
        assert isinstance(found, dict)
        return found


Run = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home that the commands of a test use; no other variable of the caller's counts."""
    for name in [name for name in os.environ if name.startswith("BACKSCORE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BACKSCORE_HOME", str(tmp_path / "home"))
    return Home(tmp_path / "home")


@pytest.fixture
def run() -> Run:
    """Calls a command and checks that, unless a test asked for one, no error left a stack trace."""

    def run(*words: object) -> Outcome:
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert "Traceback" not in result.stderr
        return Outcome(result.exit_code, result.stdout, result.stderr, result.exception)

    return run


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a command as a process of its own; what still runs is killed in the end. Services end without a pause."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: object, **changes: object) -> subprocess.Popen[str]:
        changed = {f"BACKSCORE_{name.upper()}": str(value) for name, value in changes.items()}
        process = subprocess.Popen(
            [sys.executable, "-m", "service", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "BACKSCORE_DRAIN_SECONDS": "0", **changed},
            # A shell lets what it runs in the background ignore Ctrl+C, and what that starts does so too
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def trained(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A home with a live version of every domain, and a second one of credit, which the commands use."""
    monkeypatch.setenv("BACKSCORE_HOME", str(store.home.path))
    return store


@pytest.fixture
def open_registry(home: Home) -> Iterator[Registry]:
    """The registry that the commands use."""
    registry = Registry(home.database_url)
    yield registry
    registry.close()


@pytest.fixture(scope="session")
def credit_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated applicants, as many as a quick training needs."""
    path = tmp_path_factory.mktemp("rows") / "applicants.csv"
    load_domains()["credit"].simulate(1500, 0).frame.to_csv(path, index=False)
    return path


def messy_rows(n_rows: int, seed: int) -> pd.DataFrame:
    """Rows as an office exports them: ids, dates in the office's format, words for flags, gaps, numbers as text."""
    rng = np.random.default_rng(seed)
    income, late = rng.lognormal(7.7, 0.4, n_rows), rng.poisson(0.6, n_rows)
    channel = rng.choice(["Branch", "Online", "Phone "], n_rows, p=[0.5, 0.4, 0.1])
    log_odds = -1.5 + 1.2 * late - 0.9 * (income / 2200 - 1) + 0.7 * (channel == "Online")
    bad = rng.random(n_rows) < 1 / (1 + np.exp(-log_odds))
    opened = pd.Timestamp("2022-01-15") + pd.to_timedelta(rng.integers(0, 700, n_rows), unit="D")
    frame = pd.DataFrame(
        {
            "Customer No": [f"C{number:06}" for number in rng.permutation(n_rows)],
            "opened on": opened.strftime("%d.%m.%Y"),
            "income (EUR)": [f"{value:.2f}" for value in income],
            "late payments": late,
            "channel": channel,
            "newsletter": rng.choice(["yes", "no"], n_rows),
            "collection fee": np.where(bad, 35.0, 0.0),  # known only once the outcome is
            "remark": [f"called {i} times, see file" if i % 7 == 0 else "" for i in range(n_rows)],
            "outcome": np.where(bad, "bad", "good"),
        }
    )
    frame["income (EUR)"] = frame["income (EUR)"].mask(rng.random(n_rows) < 0.08, "NA")
    frame["channel"] = frame["channel"].mask(rng.random(n_rows) < 0.05)
    return frame
