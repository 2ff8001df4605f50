"""KeyRing: the keys in memory, polled from the database.

Requests do not query the database. The keys are polled four times a second, in a thread and over a connection of their
own, so a new or revoked key takes effect everywhere within half a second, also under load. Without a database they stay
as they are; until the first read only the key of the environment is accepted, since it is unknown whether keys are
required.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from hmac import compare_digest
from time import monotonic

from pydantic import SecretStr

from models.clock import Clock
from models.errors import DatabaseError
from service.access.callers import ANYONE, ENVIRONMENT, Caller
from service.access.key_store import PREFIX, Key, KeyStore, hash_of
from service.access.rates import TokenBucket
from service.access.wrong_keys import WrongKeys
from service.errors import KeysUnreadError, MissingKeyError, RateLimitError

POLL_SECONDS = 0.25


class KeyRing:
    """Authenticates callers and applies their rate limits; `refresh` and `poll` may run beside in a thread.

    Parameters
    ----------
    api_key : the key of the environment, if any.
    share : share of each key's rate that this process grants.
    now : the clock of expiry. seconds : the clock of rates.

    Attributes
    ----------
    is_needed : whether requests need a key: the environment has one, or one was ever created.
    """

    def __init__(
        self,
        store: KeyStore,
        *,
        api_key: SecretStr | None,
        share: float,
        now: Clock,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        self._store, self._share = store, share
        self._now, self._seconds = now, seconds
        self._api_key = api_key.get_secret_value().encode() if api_key else None
        self._keys: Mapping[str, tuple[Key, Caller]] = {}
        self._buckets: dict[str, TokenBucket] = {}
        self._wrong = WrongKeys()
        self._is_read = False
        self.is_needed = self._api_key is not None

    def refresh(self) -> None:
        """Read the keys; known keys keep their token buckets."""
        keys = self._store.all()
        self._keys = {key.id: (key, Caller(key.id, key.name, key.scopes)) for key in keys}
        now = self._seconds()
        for key in keys:
            if key.rate is not None and key.id not in self._buckets:
                self._buckets[key.id] = TokenBucket(key.rate, self._share, now)
        self.is_needed = self.is_needed or bool(keys)
        self._is_read = True  # last: from here on `is_needed` is trusted

    def poll(self) -> None:
        """Refresh; without a database the keys stay as they are."""
        with suppress(DatabaseError):  # the poll of the registry logs it
            self.refresh()

    def caller_of(self, presented: bytes | None) -> Caller:
        """The caller with this key.

        Raises
        ------
        MissingKeyError
            A required key is missing, unknown, revoked or expired; the error does not tell which.
        KeysUnreadError
            The keys have not been read yet.
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
        # constant time: an unknown ID takes as long as a wrong secret
        expected = known[0].secret_hash if known else _NOBODYS_HASH
        is_right = compare_digest(hash_of(secret.decode("latin-1")), expected)
        if known is None or not is_right or not known[0].is_usable(self._now()):
            raise MissingKeyError()
        return known[1]

    def count_wrong(self, presented: bytes | None, client: tuple[str, int] | None) -> None:
        """Count a key that `caller_of` refused; RateLimitError if there were too many from the client's address."""
        if presented:
            self._wrong.count(client[0] if client else "", self._seconds())

    def take(self, caller: Caller) -> TokenBucket | None:
        """Count a request of this caller; returns its token bucket, None without a rate limit.

        Raises
        ------
        RateLimitError
            The rate limit is exceeded; the error tells when to retry.
        """
        bucket = self._buckets.get(caller.id)
        if bucket is not None and (wait := bucket.take(self._seconds())):
            raise RateLimitError(bucket.capacity, wait)
        return bucket


_NOBODYS_HASH = hash_of("")
