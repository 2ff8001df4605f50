"""Every domain by name: those of this folder, and those that installed packages add."""

from __future__ import annotations

import importlib

from models import domains
from models.contract import Domain


def load_domains() -> dict[str, Domain]:
    """Every domain by name: one file or folder in `models/domains` each, those that begin with _ left out, then others.

    Raises TypeError for a file without a DOMAIN, ValueError for one whose DOMAIN has another name than the file, and
    for a package's domain whose name differs from that of its entry point or is taken.
    """
    found: dict[str, Domain] = {}
    for name in domains.own_names():
        module = importlib.import_module(f"{domains.__name__}.{name}")
        found[name] = _checked(getattr(module, "DOMAIN", None), name, module.__name__)
    for point in domains.added():
        if point.name in found:
            raise ValueError(f"entry point {point.value!r}: there is a domain {point.name!r} already")
        loaded = point.load()
        found[point.name] = _checked(getattr(loaded, "DOMAIN", loaded), point.name, point.value)
    return found


def _checked(domain: object, name: str, place: str) -> Domain:
    if not isinstance(domain, Domain):
        raise TypeError(f"{place} must end in a Domain named DOMAIN")
    if domain.name != name:
        raise ValueError(f"{place} holds a domain named {domain.name!r}, not {name!r}; the two names must be equal")
    return domain
