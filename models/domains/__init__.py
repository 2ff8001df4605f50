"""Domains: one file or folder for each line of business, and the names of those that installed packages add."""

from __future__ import annotations

import pkgutil
import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points

ENTRY_POINTS = "backscore.domains"
"""The group of entry points by which a package adds domains; each names a module that ends in a DOMAIN."""


def own_names() -> list[str]:
    """The domains of this folder, without importing any of them; files that begin with _ are none."""
    return [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]


def added() -> tuple[EntryPoint, ...]:
    """The domains of installed packages, in the order of their names."""
    return _added(tuple(sys.path))


@cache
def _added(_path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Looked up once for each path of imports: it opens a file of every installed package."""
    return tuple(sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name))


def domain_names() -> list[str]:
    """Every domain's name."""
    return [*own_names(), *(point.name for point in added())]
