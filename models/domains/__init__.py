"""Domains: one file or folder per line of business, plus those of installed packages."""

from __future__ import annotations

import pkgutil
import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

CONVERSATION = "conversation.py"
ENTRY_POINTS = "backscore.domains"
"""Entry-point group by which packages add domains; each names a module that defines DOMAIN."""


def own_names() -> list[str]:
    """Names of this folder's domains, found without importing them; files that begin with _ are skipped."""
    return [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]


def conversing_names() -> list[str]:
    """Those of them whose folder has a file `conversation.py`: `backscore NAME` talks to their models."""
    return [name for name in own_names() if any((Path(place) / name / CONVERSATION).exists() for place in __path__)]


def added() -> tuple[EntryPoint, ...]:
    """Entry points of installed packages' domains, sorted by name."""
    return _added(tuple(sys.path))


@cache
def _added(_path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Cached per import path, because the lookup opens a file of every installed package."""
    return tuple(sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name))


def domain_names() -> list[str]:
    """Every domain's name."""
    return [*own_names(), *(point.name for point in added())]
