"""KeyStore: the keys in the database. A key is shown once, when it is created; only its hash is stored."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal, TypeAlias, get_args

import sqlalchemy as sa

from models.clock import Clock, utc_now
from models.errors import KeyNameError, KeyScopeError, UnknownKeyError
from models.names import MODEL_NAME
from models.registry.database.engine import reading, writing
from models.registry.database.schema import keys
from service.access.rates import Rate

Scope: TypeAlias = Literal["metrics", "read", "score", "outcomes", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
INCLUDED_IN: Mapping[Scope, frozenset[Scope]] = {
    "metrics": frozenset({"read", "score", "outcomes"}),
    "read": frozenset({"score", "outcomes"}),
}
"""Scopes that other scopes include; "admin" includes all."""
PREFIX = "bsk"


@dataclass(frozen=True)
class Key:
    """A stored key.

    Parameters
    ----------
    id : the public part of the key, as in audit records.
    name : for people; unique among all keys, revoked ones included.
    scopes : "admin" includes the others.
    rate : rate limit; None for no limit.
    expires, revoked : times from which on it is refused; None for never.
    """

    id: str
    name: str
    secret_hash: str
    scopes: frozenset[Scope]
    rate: Rate | None
    expires: datetime | None
    created: datetime
    created_by: str
    revoked: datetime | None = None
    revoked_by: str | None = None

    def is_usable(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked is None and (self.expires is None or now < self.expires)


class KeyStore:
    """Creates, lists and revokes keys.

    Every method raises DatabaseError if the database fails.

    Parameters
    ----------
    engine : a database with the tables of the registry.
    now : the clock of timestamps.
    """

    def __init__(self, engine: sa.Engine, *, now: Clock = utc_now) -> None:
        self._engine, self._now = engine, now

    def create(
        self, name: str, scopes: Iterable[str], *, rate: str | None, expires: datetime | None, actor: str
    ) -> tuple[Key, str]:
        """Create a key; returns the stored key and its secret text, which cannot be recovered later.

        Raises
        ------
        KeyNameError
            The name is invalid or taken.
        KeyScopeError, KeyRateError
            A scope is unknown, or none is given; the rate is invalid.
        """
        if not re.fullmatch(MODEL_NAME, name):
            raise KeyNameError(
                f"invalid key name {name!r}: use up to 63 lower-case letters, digits, '-' and '_', a letter first"
            )
        given = list(scopes)
        if not given or (unknown := sorted(set(given) - set(SCOPES))):
            raise KeyScopeError(unknown[0] if given else "", SCOPES)
        parsed = None if rate is None else Rate.parse(rate)
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        row = {
            "id": key_id,
            "name": name,
            "secret_hash": hash_of(secret),
            "scopes": ",".join(scope for scope in SCOPES if scope in given),
            "rate": rate,
            "expires": expires,
            "created_by": actor,
        }
        with writing(self._engine) as connection:
            if connection.scalar(sa.select(keys.c.id).where(keys.c.name == name)) is not None:
                raise KeyNameError(f"the name {name!r} is taken, perhaps by a revoked key; choose another one")
            row["created"] = self._now()
            connection.execute(keys.insert().values(row))
        kept = Key(**{**row, "scopes": frozenset(given), "rate": parsed})  # type: ignore[arg-type]
        return kept, f"{PREFIX}_{key_id}_{secret}"

    def all(self) -> list[Key]:
        """Every key, revoked and expired ones included, oldest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(keys).order_by(keys.c.created, keys.c.name)).mappings().all()
        return [
            Key(
                **{
                    **row,
                    "scopes": frozenset(row["scopes"].split(",")),
                    "rate": None if row["rate"] is None else Rate.parse(row["rate"]),
                }
            )
            for row in rows
        ]

    def revoke(self, name: str, *, actor: str) -> None:
        """Revoke a key; a second call changes nothing.

        Raises
        ------
        UnknownKeyError
            No key has that name.
        """
        with writing(self._engine) as connection:
            names = list(connection.scalars(sa.select(keys.c.name).order_by(keys.c.name)))
            if name not in names:
                raise UnknownKeyError(name, names)
            this = (keys.c.name == name) & keys.c.revoked.is_(None)
            connection.execute(keys.update().where(this).values(revoked=self._now(), revoked_by=actor))


def hash_of(secret: str) -> str:
    """SHA-256, as 64 hexadecimal digits.

    Slow, salted hashes protect passwords that people choose; 256 random bits cannot be guessed by brute force.
    """
    return sha256(secret.encode()).hexdigest()
