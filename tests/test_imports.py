"""Imports point downwards only: service -> models -> data, room by room; the network knows nothing but numpy."""

from __future__ import annotations

import ast
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"data", "models", "service"}
MAY_IMPORT = {"data": {"data"}, "models": {"data", "models"}, "service": {"data", "models", "service"}}
ONLY_IN_SERVICE = {"fastapi", "starlette", "uvicorn", "typer", "rich", "structlog", "pydantic_settings"}
ROOMS = {
    "models": {
        "arrays": "",
        "array_file": "",
        "clock": "",
        "cores": "",
        "errors": "",
        "home": "",
        "nn": "",
        "presets": "",
        "costs": "arrays errors",
        "names": "errors",
        "encoding": "array_file arrays errors home nn presets",
        "series": "arrays errors nn",
        "estimators": "arrays encoding errors nn presets series",
        "evaluation": "arrays encoding errors estimators",
        "contract": "arrays costs encoding estimators evaluation presets",
        "tasks": "arrays contract errors estimators evaluation series",
        "answers": "arrays contract encoding errors estimators evaluation nn",
        "decisions": "arrays contract costs errors",
        "domains": "answers arrays contract costs decisions encoding errors estimators presets series tasks",
        "playground": "answers arrays errors nn",
        "registry": "array_file clock contract decisions domains encoding errors estimators home names nn series",
        "records": "answers clock contract decisions encoding errors registry",
        "monitoring": "arrays contract decisions errors evaluation records registry",
        "training": "answers arrays clock contract encoding errors estimators evaluation home names nn presets "
        "records registry",
        "backtesting": "arrays contract costs decisions errors evaluation home presets records registry training",
        "reports": "arrays backtesting contract decisions estimators evaluation registry series training",
        "retraining": "clock contract cores errors estimators home monitoring names registry reports training",
    },
    "service": {
        "logs": "",
        "errors": "",
        "settings": "logs",
        "requests": "errors",
        "access": "errors requests settings",
        "live": "errors requests",
        "metrics": "live",
        "middleware": "errors live logs metrics requests",
        "runtime": "access errors live logs metrics middleware requests settings",
        "scoring": "errors live metrics middleware requests runtime",
        "context": "live metrics middleware runtime scoring settings",
        "api": "access context errors live requests scoring",
        "inference_protocol": "access context errors live requests scoring",
        "openapi": "access errors inference_protocol live middleware requests scoring",
        "pages": "access api context errors live metrics requests",
        "app": "access api context errors inference_protocol live logs "
        "metrics middleware openapi pages requests runtime scoring settings",
        "cli": "access app errors live runtime settings",
        "__main__": "cli",
    },
}
"""What each room may import of its own package, lowest first; a new edge is a decision, not an accident."""
OF_MODELS = {room: {"errors"} for room in ("requests", "errors", "openapi")} | {
    room: set() for room in ("logs", "metrics", "middleware")
}
"""Rooms of `service` that may not know all of `models`, and what they may know."""
MAX_ROOMS, MAX_LOOSE_FILES = 17, 10
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


def room_of(name: str) -> tuple[str, str]:
    """The package and the room of a dotted name; packages themselves are no rooms."""
    package, _, rest = name.partition(".")
    return package, rest.split(".")[0]


def edges(path: Path) -> set[tuple[str, str]]:
    """The rooms that a file imports when the program runs: not those that only type checkers need."""
    tree = ast.parse(path.read_text())
    hints = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    names = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and id(node) not in hints
        for alias in node.names
    }
    return {room_of(name) for name in names if name.split(".")[0] in PACKAGES}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_import_only_what_the_table_allows(path: Path) -> None:
    """An edge between two rooms stands in `ROOMS`; a room of `service` that knows part of `models` keeps to it."""
    package, room = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
    if package == "data" or room == "__init__":
        return
    found = edges(path)
    assert {other for owner, other in found if owner == package} - {room} <= set(ROOMS[package][room].split())
    if package == "service" and room in OF_MODELS:
        assert {other for owner, other in found if owner == "models"} <= OF_MODELS[room]


@pytest.mark.parametrize("package", ROOMS)
def test_the_table_of_rooms_is_acyclic_and_complete(package: str) -> None:
    """Each room stands below those that import it, so no two import each other; and the table names what exists."""
    seen: set[str] = set()
    for room, allowed in ROOMS[package].items():
        assert set(allowed.split()) <= seen, room
        seen.add(room)
    exist = {
        path.stem for path in (ROOT / package).iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert exist - {"__init__"} == seen


@pytest.mark.parametrize("package", ROOMS)
def test_a_package_shows_few_names(package: str) -> None:
    """A newcomer can read the names of all rooms at a glance."""
    folders = [path for path in (ROOT / package).iterdir() if (path / "__init__.py").exists()]
    files = [path for path in (ROOT / package).glob("*.py") if path.name != "__init__.py"]
    assert len(folders) <= MAX_ROOMS
    assert len(files) <= MAX_LOOSE_FILES


@pytest.mark.parametrize("path", sorted((ROOT / "models/nn").glob("*.py")), ids=lambda path: path.name)
def test_the_network_needs_numpy_only(path: Path) -> None:
    """It imports numpy and the standard library; of ours nothing outside its own room. Compiled loops need numba."""
    allowed = {"numpy", *sys.stdlib_module_names} | ({"numba"} if path.name == "compiled.py" else set())
    for name in imported(path):
        assert name.startswith("models.nn.") or name.split(".")[0] in allowed


def test_pip_installs_every_folder_with_modules_and_every_other_file() -> None:
    """A folder without __init__.py would be left out, as would a template or a table that no pattern covers."""
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    installed = {
        str(path)
        for package, patterns in setuptools["package-data"].items()
        for pattern in patterns
        for path in ROOT.joinpath(*package.split(".")).glob(pattern)
    }
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            folder = ".".join(path.parent.relative_to(ROOT).parts)
            if path.suffix == ".py":
                assert (path.parent / "__init__.py").exists(), path
                assert any(fnmatch(folder, pattern) for pattern in setuptools["packages"]["find"]["include"]), path
            elif path.is_file() and path.suffix != ".pyc":
                assert str(path) in installed, path
