"""Product code names no domain outside of its own rooms: what one needs is asked of the domain."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from models.domains import own_names

ROOT = Path(__file__).parents[2]
THEIR_ROOMS = ("models/domains/", "data/simulators/", "data/tables/")
FILES = [
    path
    for package in ("data", "models", "service")
    for path in sorted((ROOT / package).rglob("*.py"))
    if not str(path.relative_to(ROOT)).startswith(THEIR_ROOMS)
]
STILL_NAMED = {
    "data/inference/infer.py",
    "models/registry/database/migrations/versions/v0007_baseline.py",
    "models/registry/database/migrations/versions/v0008_subjects.py",
    "service/pages/learn/lessons.py",
}
"""Files that must name one; the list may only become shorter.

The first reads other people's files, where "fraud" is a usual spelling of a positive target, whatever the domain. The
migrations rename columns of databases that were written with that name. The lesson is about one data set: its text
explains the two columns that are drawn.
"""

ORDINARY_WORDS = {"digits", "forecast"}
"""Domains with the name of an ordinary word; texts and compound names may speak of it, but none may be it."""


def named(path: Path) -> set[str]:
    """The domains that stand in a file's identifiers and texts; docstrings and comments may speak of them."""
    tree = ast.parse(path.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    texts: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            texts.append(node.value)
        texts += [
            getattr(node, field)
            for field in ("id", "attr", "arg", "name", "module")
            if isinstance(getattr(node, field, None), str)
        ]
    words = {word for text in texts for word in re.split(r"[^a-z]+", text.lower())} - ORDINARY_WORDS
    modules = {part for text in texts for part in text.split(".")} & ORDINARY_WORDS
    return (words | modules) & set(own_names())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_domain_is_named(path: Path) -> None:
    """But in the files of the list, and those still do."""
    name = str(path.relative_to(ROOT))
    assert bool(named(path)) is (name in STILL_NAMED)
