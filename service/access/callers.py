"""Callers: the authenticated key of a request, which `KeyGate` puts into `scope["key"]`."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import Scope as AsgiScope

from service.access.key_store import INCLUDED_IN, SCOPES, Scope


@dataclass(frozen=True)
class Caller:
    """The caller of a request.

    Parameters
    ----------
    id : of the key, as in audit records; empty if the service needs no keys.
    name : of the key, as in the history.
    scopes : of the key.
    """

    id: str
    name: str
    scopes: frozenset[Scope]

    def may(self, needed: Scope) -> bool:
        """Whether one of the scopes is, or includes, this one."""
        return needed in self.scopes or "admin" in self.scopes or bool(self.scopes & INCLUDED_IN.get(needed, set()))


ANYONE = Caller("", "", frozenset(SCOPES))
"""Any caller of a service that needs no keys."""
ENVIRONMENT = Caller("environment", "environment", frozenset(SCOPES))
"""The caller with the key of BACKSCORE_API_KEY."""


def actor_of(scope: AsgiScope) -> str:
    """The author of a change, for the history."""
    caller: Caller = scope.get("key", ANYONE)
    if caller.name:
        return f"key {caller.name}"
    client = scope.get("client")
    return f"HTTP request from {client[0]}" if client else "HTTP request"
