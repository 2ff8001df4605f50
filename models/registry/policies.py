"""Policies of each model: versioned separately, simulated on past rows before they are stored, switched at any time.

Policies are numbered from 1 for each model name. One of them may be active; without one, or at number 0, each version
decides by the policy of its own bundle. The active policy stays active when another version is promoted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from models.clock import Clock
from models.errors import (
    DomainMismatchError,
    NoPolicyToRollBackError,
    RollbackOverError,
    UnknownPolicyError,
    UnknownVersionError,
)
from models.registry.database import schema as tables
from models.registry.database.engine import reading, writing
from models.registry.history import Action, Occasion, pile_of, record

BUNDLED = 0
"""The number of the live bundle's own policy."""


@dataclass(frozen=True)
class StoredPolicy:
    """An immutable stored policy of a model.

    `content` holds the fields of the domain's policy, `created` is in UTC, `simulation` is its result on past rows
    (see `models.backtesting.policy_simulation`) with the version `model_version` of the model.
    """

    name: str
    number: int
    domain: str
    content: Mapping[str, Any]
    created: datetime
    created_by: str
    why: str
    model_version: int
    simulation: Mapping[str, Any]


class Policies:
    """The policies of every model in the registry's database, available as `Registry.policies`.

    Every method raises DatabaseError if the database fails.
    """

    def __init__(self, engine: sa.Engine, *, now: Clock) -> None:
        self._engine, self._now = engine, now

    def add(
        self,
        *,
        name: str,
        domain: str,
        content: Mapping[str, Any],
        model_version: int,
        simulation: Mapping[str, Any],
        actor: str,
        why: str,
    ) -> StoredPolicy:
        """Store a policy under the next number of its name, without activating it.

        Parameters
        ----------
        domain : of the policy.
        content, simulation : JSON without NaN.

        Raises
        ------
        UnknownVersionError
            The model has no such version.
        DomainMismatchError
            The model belongs to another domain.
        """
        with writing(self._engine) as connection:
            registered = _domain_of(connection, name, model_version)
            if registered != domain:
                raise DomainMismatchError(name, registered=registered, given=domain)
            number = len(_numbers(connection, name)) + 1
            stored = StoredPolicy(name, number, domain, content, self._now(), actor, why, model_version, simulation)
            connection.execute(tables.policies.insert().values(**asdict(stored)))
        return stored

    def activate(self, name: str, number: int, *, actor: str, why: str) -> None:
        """Activate a stored policy, or with 0 each version's own; no change if it is already active.

        Raises
        ------
        UnknownPolicyError
            There is no such policy, or no such model.
        """
        with writing(self._engine) as connection:
            numbers = _numbers(connection, name)
            if number not in numbers and (number != BUNDLED or not _is_registered(connection, name)):
                raise UnknownPolicyError(name, number, numbers)
            occasion = Occasion(name=name, at=self._now(), actor=actor, why=why)
            _set_active(connection, "activate", number, occasion)

    def rollback_target(self, name: str) -> int:
        """The number of the policy that a rollback would activate; NoPolicyToRollBackError as `rollback`."""
        with reading(self._engine) as connection:
            return _rollback_target(connection, name)

    def rollback(self, name: str, *, actor: str, why: str, only_to: int | None = None) -> int:
        """Reactivate the previous policy and return its number (0: each version's own).

        As with versions, activations form a stack and a rollback pops the top.

        Raises
        ------
        NoPolicyToRollBackError
            None was ever activated, or all were rolled back.
        RollbackOverError
            It leads no longer to policy `only_to`, if that is given: another change came first.
        """
        with writing(self._engine) as connection:
            number = _rollback_target(connection, name)
            if only_to not in (None, number):
                raise RollbackOverError(name)
            _set_active(connection, "rollback", number, Occasion(name=name, at=self._now(), actor=actor, why=why))
        return number

    def active(self, name: str) -> StoredPolicy | None:
        """The active policy of a name; None if it is each version's own."""
        return self.all_active().get(name)

    def all_active(self) -> dict[str, StoredPolicy]:
        """The active policy of every name that has one; a single query, cheap enough for every second."""
        is_active = (tables.active_policies.c.name == tables.policies.c.name) & (
            tables.active_policies.c.number == tables.policies.c.number
        )
        query = sa.select(tables.policies).join(tables.active_policies, is_active)
        with reading(self._engine) as connection:
            return {row["name"]: StoredPolicy(**row) for row in connection.execute(query).mappings()}

    def stored(self, name: str) -> list[StoredPolicy]:
        """Every policy of a name, the oldest first."""
        query = sa.select(tables.policies).where(tables.policies.c.name == name).order_by(tables.policies.c.number)
        with reading(self._engine) as connection:
            return [StoredPolicy(**row) for row in connection.execute(query).mappings()]

    def policy(self, name: str, number: int) -> StoredPolicy | None:
        """One policy, None for 0; UnknownPolicyError lists the available ones."""
        if number == BUNDLED:
            return None
        found = self.stored(name)
        for stored in found:
            if stored.number == number:
                return stored
        raise UnknownPolicyError(name, number, [stored.number for stored in found])


def _domain_of(connection: sa.Connection, name: str, version: int) -> str:
    """The domain of a registered version."""
    query = sa.select(tables.versions.c.version, tables.versions.c.domain).where(tables.versions.c.name == name)
    domains: dict[int, str] = {row.version: row.domain for row in connection.execute(query)}
    if version not in domains:
        raise UnknownVersionError(name, version, sorted(domains))
    return domains[version]


def _is_registered(connection: sa.Connection, name: str) -> bool:
    query = sa.select(tables.versions.c.version).where(tables.versions.c.name == name)
    return connection.scalar(query.limit(1)) is not None


def _numbers(connection: sa.Connection, name: str) -> list[int]:
    """The numbers of the name's policies, in order."""
    numbers = sa.select(tables.policies.c.number).where(tables.policies.c.name == name)
    return list(connection.scalars(numbers.order_by(tables.policies.c.number)))


def _rollback_target(connection: sa.Connection, name: str) -> int:
    pile = [BUNDLED, *pile_of(connection, name, "policy")]
    if len(pile) < 2:
        raise NoPolicyToRollBackError(name)
    return pile[-2]


def _set_active(connection: sa.Connection, action: Action, number: int, occasion: Occasion) -> None:
    """Activate the policy and record it; no change if it is already active."""
    here = tables.active_policies.c.name == occasion["name"]
    before = connection.scalar(sa.select(tables.active_policies.c.number).where(here)) or BUNDLED
    if before == number:
        return
    connection.execute(tables.active_policies.delete().where(here))
    if number != BUNDLED:
        connection.execute(tables.active_policies.insert().values(name=occasion["name"], number=number))
    record(connection, action, number, occasion, alias="policy", from_version=before)
