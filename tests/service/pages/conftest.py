"""What tests of pages share: a browser, which asks for pages and keeps cookies, and keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from service.access.key_store import KeyStore
from tests.conftest import MOMENT, Store
from tests.service.pages.parsed import sent

ASKS = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def make_key(store: Store) -> Callable[..., str]:
    """Makes a key for services that start on the store's home."""

    def make(name: str, *scopes: str, **options: Any) -> str:
        keys = KeyStore(store.registry._engine, now=lambda: MOMENT)
        return keys.create(name, scopes, actor="tests", **{"rate": None, "expires": None, **options})[1]

    return make


@pytest.fixture
def browser(start_service: Callable[..., Any], store: Store) -> Any:
    """A browser that needs no key, on a home that a test may change."""
    client = start_service(store.home.path).client
    client.headers.update(ASKS)
    return client


@pytest.fixture
def open_browser(start_service: Callable[..., Any], store: Store) -> Callable[..., Any]:
    """Opens a browser at a service that needs keys, signed in with one."""

    def open_one(key: str, **settings: Any) -> Any:
        client = start_service(store.home.path, **settings).client
        client.headers.update(ASKS)
        assert sent(client, "/login", key=key).url.path == "/"
        return client

    return open_one
