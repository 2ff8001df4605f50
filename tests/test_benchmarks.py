"""The scripts of tests/benchmarks that have a small size run, and find what they measure as it should be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "benchmarks"
WITH_SMALL_SIZE = sorted(path.name for path in FOLDER.glob("*.py") if '"--small"' in path.read_text())


@pytest.mark.parametrize("name", WITH_SMALL_SIZE)
def test_a_script_runs_small(name: str) -> None:
    """Exit code 0: every figure within the bounds that the script states."""
    command = [sys.executable, "-W", "error", str(FOLDER / name), "--small"]
    found = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert found.returncode == 0, found.stdout + found.stderr
