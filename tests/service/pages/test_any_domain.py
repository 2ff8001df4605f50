"""Pages know no domain: what they show of one comes from its form and its view."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import service.pages
from models.domains._discovery import load_domains

FILES = sorted(path for path in Path(service.pages.__file__).parent.rglob("*.*") if path.suffix != ".pyc")
DATA_SETS = 'data="'
"""Of the playground, some of which are named after the simulator that they come from."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_domain_is_named(path):
    """Neither in code nor in a template, a script or a style."""
    found = re.findall(rf"(?<!{DATA_SETS})\b(?:{'|'.join(load_domains())})\b", path.read_text(encoding="utf-8"))
    assert found == []
