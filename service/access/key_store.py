"""KeyStore: the keys in the database. A key is shown once, when it is made; only its hash is kept."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
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

Scope: TypeAlias = Literal["score", "outcomes", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
PREFIX = "bsk"


@dataclass(frozen=True)
class Key:
    """A key as it is kept.

    Parameters
    ----------
    id : the part of the key that is no secret; records name it.
    name : what people call it; of all keys that ever were only one has it.
    scopes : what it may be used for; "admin" includes the others.
    rate : how often; None for as often as it likes.
    expires, revoked : from when on it is refused; None for never.
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
    """Makes, lists and revokes keys.

    Parameters
    ----------
    engine : of a database with the tables of the registry.
    now : tells when something is done.

    Raises DatabaseError from any method if the database fails.
    """

    def __init__(self, engine: sa.Engine, *, now: Clock = utc_now) -> None:
        self._engine, self._now = engine, now

    def create(
        self, name: str, scopes: Iterable[str], *, rate: str | None, expires: datetime | None, actor: str
    ) -> tuple[Key, str]:
        """Make a key; returns it as it is kept, and the key itself, which nobody can tell again.

        Raises
        ------
        KeyNameError
            The name cannot be one, or is that of another key.
        KeyScopeError, KeyRateError
            There is no such scope, or none was named; the rate cannot be read.
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
        """Every key that ever was, the oldest first."""
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
        """Let a key not be used any more; one that is revoked already stays so, with who did it first.

        Raises
        ------
        UnknownKeyError
            There is no key of that name.
        """
        with writing(self._engine) as connection:
            names = list(connection.scalars(sa.select(keys.c.name).order_by(keys.c.name)))
            if name not in names:
                raise UnknownKeyError(name, names)
            this = (keys.c.name == name) & keys.c.revoked.is_(None)
            connection.execute(keys.update().where(this).values(revoked=self._now(), revoked_by=actor))


def hash_of(secret: str) -> str:
    """SHA-256, as 64 hexadecimal digits.

    A slow, salted hash defends passwords that people chose; of 256 random bits nobody can try a noticeable share.
    """
    return sha256(secret.encode()).hexdigest()
