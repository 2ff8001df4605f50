"""Every domain by name, found by walking this folder."""

from __future__ import annotations

import importlib
import pkgutil

from models import domains
from models.contract import Domain


def load_domains() -> dict[str, Domain]:
    """Every domain by name: one file or folder in `models/domains` each, those that begin with _ left out.

    Raises TypeError for a file without a DOMAIN, ValueError for one whose DOMAIN has another name than the file.
    """
    found: dict[str, Domain] = {}
    for module_info in pkgutil.iter_modules(domains.__path__):
        if module_info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{domains.__name__}.{module_info.name}")
        domain = getattr(module, "DOMAIN", None)
        if not isinstance(domain, Domain):
            raise TypeError(f"{module.__name__} must end in a Domain named DOMAIN")
        if domain.name != module_info.name:
            raise ValueError(f"{module.__name__} holds a domain named {domain.name!r}; the two names must be equal")
        found[domain.name] = domain
    return found
