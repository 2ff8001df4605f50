"""Files and modules that docstrings, comments and the guide name in backquotes exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("data", "models", "service", "tests", "docker")
SOURCES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(found for room in ROOMS for found in (ROOT / room).rglob("*"))]
    if path.suffix in (".md", ".py", ".toml", ".jinja", ".yaml")
)
PATH = re.compile(r"`((?:data|models|service|tests|docker)/[\w/.-]+\.(?:py|md|toml|yaml|jinja))`")
NAME = re.compile(r"`((?:data|models|service|tests)(?:\.\w+)+)`")


def exists(name: str) -> bool:
    """Whether a dotted name is a module of ours, or something that one of its words can be found in."""
    words = name.split(".")
    for n_words in range(len(words), 0, -1):
        path = ROOT.joinpath(*words[:n_words])
        module = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
        if module.exists() or path.is_dir():
            rest = words[n_words:]
            return not rest or (module.exists() and re.search(rf"\b{rest[0]}\b", module.read_text()) is not None)
    return False


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_named_exists(path: Path) -> None:
    """A reader who follows a name finds it, also after a file has moved."""
    text = path.read_text(encoding="utf-8")
    assert [name for name in PATH.findall(text) if not (ROOT / name).exists()] == []
    assert [name for name in NAME.findall(text) if not exists(name)] == []


def test_a_name_that_leads_nowhere_is_found() -> None:
    """The check can fail."""
    assert exists("models.nn.network.Network")
    assert not exists("models.nn.network.Netwerk")
    assert not exists("models.policies.values")
