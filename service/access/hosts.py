"""Hosts: the names under which the service answers.

A page of another site can let its own name lead to this machine (DNS rebinding): the browser then takes the service
for that site, and lets its scripts read and send everything. Only the header Host tells. So a service on loopback, and
any service without keys, answers for the names of loopback alone, unless BACKSCORE_ALLOWED_HOSTS lists others. Behind
keys a script of another name has no key and no cookie; there the list is optional.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from starlette.types import Scope as AsgiScope

from service.errors import InvalidHostError, UnknownHostError
from service.settings import is_loopback

ANY = "*"
HEALTH = ("/health/", "/v2/health/")
"""Paths that answer for any name: probes call replicas by their addresses."""
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")


class Hosts:
    """Checks the header Host.

    Parameters
    ----------
    own : the address to listen on.
    allowed : more names, comma-separated: `scores.example.com`, `*.example.com` for all below it, or `*` for any.
    is_key_needed : whether requests need a key.
    """

    def __init__(self, own: str, allowed: str, is_key_needed: Callable[[], bool]) -> None:
        self._own, self._is_key_needed = own.strip("[]").lower(), is_key_needed
        self._allowed = tuple(name.strip().strip("[]").lower() for name in allowed.split(",") if name.strip())
        self._is_closed = bool(self._allowed) or is_loopback(own)  # whether the list holds with keys, too
        self._is_known = lru_cache(1_000)(self._is_listed)

    def check(self, scope: AsgiScope) -> None:
        """Refuse a request that names no host, several, or one for which the service does not answer.

        Raises
        ------
        InvalidHostError, UnknownHostError
        """
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if not hosts and scope.get("http_version") == "1.0":  # older than the header; no browser speaks it
            return
        if len(hosts) != 1 or not (parts := _HOST.fullmatch(hosts[0])):
            raise InvalidHostError(hosts)
        if (self._is_closed or not self._is_key_needed()) and not scope["path"].startswith(HEALTH):
            name = parts[1].strip("[]").rstrip(".").lower()
            if not self._is_known(name):
                raise UnknownHostError(name)

    def _is_listed(self, name: str) -> bool:
        if name == self._own or is_loopback(name) or name.endswith(".localhost"):
            return True
        return any(
            allowed in (ANY, name) or (allowed.startswith("*.") and name.endswith(allowed[1:]))
            for allowed in self._allowed
        )
