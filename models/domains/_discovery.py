"""Discovery of all domains, built in and added by installed packages."""

from __future__ import annotations

import importlib

from models import domains
from models.contract import Domain


def load_domains() -> dict[str, Domain]:
    """Load all domains by name: files and folders of `models/domains` not beginning with _, then entry points.

    Raises TypeError for a module without a DOMAIN, ValueError for one whose DOMAIN is not named like its file or entry
    point, and for an entry point whose name is taken.
    """
    found: dict[str, Domain] = {}
    for name in domains.own_names():
        module = importlib.import_module(f"{domains.__name__}.{name}")
        found[name] = _checked(getattr(module, "DOMAIN", None), name, module.__name__)
    for point in domains.added():
        if point.name in found:
            raise ValueError(f"entry point {point.value!r}: domain {point.name!r} already exists")
        loaded = point.load()
        found[point.name] = _checked(getattr(loaded, "DOMAIN", loaded), point.name, point.value)
    return found


def _checked(domain: object, name: str, place: str) -> Domain:
    if not isinstance(domain, Domain):
        raise TypeError(f"{place} must define a Domain named DOMAIN")
    if domain.name != name:
        raise ValueError(f"{place} defines a domain named {domain.name!r}; expected {name!r}")
    return domain
