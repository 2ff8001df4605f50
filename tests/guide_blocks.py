"""The fenced blocks of README and guide, for the tests that run them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from service.pages.guide import FOLDER

README = Path(__file__).parents[1] / "README.md"
PAGES = [README, *sorted(FOLDER.glob("*.md"))]
_BLOCK = re.compile(r"(?:^<!-- (.+?) -->\n)?^```(\w*)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A fenced block: the comment before it, its language, and its text."""

    mark: str
    language: str
    text: str


def blocks_of(page: Path) -> list[Block]:
    """Every fenced block of a page, in its order."""
    return [Block(*found) for found in _BLOCK.findall(page.read_text(encoding="utf-8"))]


def file_in_guide(name: str) -> str:
    """The text of a file that the guide shows."""
    (found,) = (block.text for page in PAGES for block in blocks_of(page) if block.mark == f"file: {name}")
    return found
