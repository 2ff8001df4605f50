"""Imports point downwards only: service -> models -> data, and the network knows nothing but numpy."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"data", "models", "service"}
MAY_IMPORT = {"data": {"data"}, "models": {"data", "models"}, "service": {"data", "models", "service"}}
ONLY_IN_SERVICE = {"fastapi", "starlette", "uvicorn", "typer", "rich", "structlog", "pydantic_settings"}
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Dotted names of everything that a file imports, at its top or inside a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_all_rooms_are_looked_at() -> None:
    """The walk finds every package, and the files that it is about."""
    names = {str(path.relative_to(ROOT)) for path in SOURCES}
    assert {"data/table.py", "models/nn/network.py", "models/domains/fraud/scorer.py", "service/app.py"} <= names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downwards(path: Path) -> None:
    """A room imports itself and the rooms below it; HTTP and the command line are known to `service` only."""
    room = path.relative_to(ROOT).parts[0]
    roots = {name.split(".")[0] for name in imported(path)}
    assert roots & PACKAGES <= MAY_IMPORT[room]
    if room != "service":
        assert not roots & ONLY_IN_SERVICE


@pytest.mark.parametrize("path", sorted((ROOT / "models/nn").glob("*.py")), ids=lambda path: path.name)
def test_the_network_needs_numpy_only(path: Path) -> None:
    """It imports numpy and the standard library; of ours nothing outside its own room. Compiled loops need numba."""
    allowed = {"numpy", *sys.stdlib_module_names} | ({"numba"} if path.name == "compiled.py" else set())
    for name in imported(path):
        assert name.startswith("models.nn.") or name.split(".")[0] in allowed


def test_packages_that_pip_installs_are_those_that_exist() -> None:
    """Every folder with an __init__.py is named in pyproject.toml, and no other."""
    import tomllib

    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for package in PACKAGES
        for path in (ROOT / package).rglob("__init__.py")
    }
    assert set(named) == found
