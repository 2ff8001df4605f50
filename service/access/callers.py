"""Callers: who asks. The gate puts the caller of a request into `scope["key"]`."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import Scope as AsgiScope

from service.access.key_store import SCOPES, Scope


@dataclass(frozen=True)
class Caller:
    """Who asks.

    Parameters
    ----------
    id : of the key, as records name it; empty where nobody needs a key.
    name : of the key, as the history names it.
    scopes : what it may be used for.
    """

    id: str
    name: str
    scopes: frozenset[Scope]


ANYONE = Caller("", "", frozenset(SCOPES))
"""Whoever reaches a service that needs no key."""
ENVIRONMENT = Caller("environment", "environment", frozenset(SCOPES))
"""Who has the key of BACKSCORE_API_KEY."""


def actor_of(scope: AsgiScope) -> str:
    """Who changes something, for the history."""
    caller: Caller = scope.get("key", ANYONE)
    if caller.name:
        return f"key {caller.name}"
    client = scope.get("client")
    return f"HTTP request from {client[0]}" if client else "HTTP request"
