"""KeyRing: the keys of the database as this process knows them, kept in step with it.

A request asks no database. The keys are read four times a second, so a key that was made or revoked counts everywhere
within half a second. Without a database they stay as they are; until they were read once, only the key of the
environment is let in, for nobody knows whether others need one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from hmac import compare_digest
from time import monotonic

from pydantic import SecretStr
from structlog.typing import FilteringBoundLogger

from models.clock import Clock
from models.errors import DatabaseError
from service.access.callers import ANYONE, ENVIRONMENT, Caller
from service.access.key_store import PREFIX, Key, KeyStore, hash_of
from service.access.rates import TokenBucket
from service.errors import KeysUnreadError, MissingKeyError, RateLimitError

POLL_SECONDS = 0.25


class KeyRing:
    """Authenticates callers and applies their rate limits.

    Parameters
    ----------
    api_key : of the environment; None for none.
    share : of each key's rate that this process gives out.
    now : tells whether a key has expired. seconds : the clock of the rates.

    Attributes
    ----------
    is_needed : whether requests need a key: one of the environment, or any that was ever made.
    """

    def __init__(
        self,
        store: KeyStore,
        log: FilteringBoundLogger,
        *,
        api_key: SecretStr | None,
        share: float,
        now: Clock,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        self._store, self._log, self._share = store, log, share
        self._now, self._seconds = now, seconds
        self._api_key = api_key.get_secret_value().encode() if api_key else None
        self._keys: Mapping[str, tuple[Key, Caller]] = {}
        self._buckets: dict[str, TokenBucket] = {}
        self._is_read = False
        self.is_needed = self._api_key is not None

    def refresh(self) -> None:
        """Read the keys; buckets of those that are known already go on."""
        keys = self._store.all()
        self._keys = {key.id: (key, Caller(key.id, key.name, key.scopes)) for key in keys}
        now = self._seconds()
        for key in keys:
            if key.rate is not None and key.id not in self._buckets:
                self._buckets[key.id] = TokenBucket(key.rate, self._share, now)
        self.is_needed = self.is_needed or bool(keys)
        self._is_read = True  # last: from here on requests may find that they need no key

    async def keep_in_step(self, poll_seconds: float = POLL_SECONDS) -> None:
        """Refresh for ever."""
        while True:
            await asyncio.sleep(poll_seconds)
            try:
                await asyncio.to_thread(self.refresh)
            except DatabaseError:
                pass  # who polls the registry says so
            except Exception:  # a poll that ended silently would let revoked keys in for good
                self._log.exception("reading the keys failed")

    def caller_of(self, presented: bytes | None) -> Caller:
        """Who presents this key.

        Raises
        ------
        MissingKeyError
            None is presented where one is needed, or it is unknown, revoked or expired: which of them is not told.
        KeysUnreadError
            The keys were not read yet.
        """
        if self._api_key is not None and presented is not None and compare_digest(presented, self._api_key):
            return ENVIRONMENT
        if not self._is_read:
            raise KeysUnreadError()
        if not self.is_needed:
            return ANYONE
        if presented is None:
            raise MissingKeyError()
        prefix, _, rest = presented.partition(b"_")
        key_id, _, secret = rest.partition(b"_")
        known = self._keys.get(key_id.decode("latin-1")) if prefix == PREFIX.encode() else None
        # An unknown id takes as long as a wrong secret
        expected = known[0].secret_hash if known else _NOBODYS_HASH
        is_right = compare_digest(hash_of(secret.decode("latin-1")), expected)
        if known is None or not is_right or not known[0].is_usable(self._now()):
            raise MissingKeyError()
        return known[1]

    def take(self, caller: Caller) -> TokenBucket | None:
        """Count a request of this caller; returns the bucket of its rate, None if it has none.

        Raises
        ------
        RateLimitError
            It has asked too often; the error tells when it may ask again.
        """
        bucket = self._buckets.get(caller.id)
        if bucket is not None and (wait := bucket.take(self._seconds())):
            raise RateLimitError(bucket.capacity, wait)
        return bucket


_NOBODYS_HASH = hash_of("")
