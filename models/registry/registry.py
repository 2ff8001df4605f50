"""Registry: the versions of each model, the live one, and the history of changes.

Bundles hold the models themselves; the registry holds their digests. It keeps the versions, the aliases
(`champion`: the live version), the policies (see `models.registry.policies`) and the history.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from models.clock import Clock, utc_now
from models.errors import (
    DomainMismatchError,
    MetricsError,
    RollbackOverError,
    RolloutOverError,
    UnknownVersionError,
)
from models.names import checked_name
from models.registry.audit_settings import AuditSettings, all_audit_settings, set_audit
from models.registry.database import schema as tables
from models.registry.database.engine import NO_TIMEOUTS, Timeouts, open_database, reading, writing
from models.registry.database.migrations import create_schema_at
from models.registry.history import Action, Champions, Event, Occasion, champions, events, record
from models.registry.policies import Policies
from models.registry.rollouts import Rollout, Rollouts, end_canary, end_rollout, going_on, rollback_target

CHAMPION: Final = "champion"


@dataclass(frozen=True)
class Version:
    """One registered version of a model.

    `number` counts from 1 for each name, `digest` names its bundle, `created` is in UTC, `created_by` is who
    registered it, `metrics` are on the test set, as in its bundle's manifest.
    """

    name: str
    number: int
    domain: str
    digest: str
    created: datetime
    created_by: str
    metrics: Mapping[str, Any]


class Registry:
    """Versions, aliases and their history in one SQL database, safe between threads and processes.

    Parameters
    ----------
    url : an SQLAlchemy URL, see `models.home.Home.database_url`; missing tables are created.
    now : clock for recorded times.

    Attributes
    ----------
    policies : the policies of its models.
    rollouts : the challengers of their champions.

    Raises
    ------
    DatabaseError
        From any method: the database cannot be opened, read or written, or was made by a newer backscore.
    """

    def __init__(self, url: str, *, now: Clock = utc_now, timeouts: Timeouts = NO_TIMEOUTS) -> None:
        self._now = now
        create_schema_at(url)
        self._engine = open_database(url, timeouts)
        self.policies = Policies(self._engine, now=now)
        self.rollouts = Rollouts(self._engine, now=now)

    def register(
        self, *, name: str, domain: str, digest: str, metrics: Mapping[str, Any], actor: str, why: str, promote: bool
    ) -> Version:
        """Give a bundle the next version number of its name and, if `promote`, make it champion: both or neither.

        Raises
        ------
        ModelNameError
            The name is not allowed.
        MetricsError
            The metrics are not JSON.
        DomainMismatchError
            Earlier versions of this name belong to another domain.
        """
        name, metrics = checked_name(name), _as_json(name, metrics)
        with writing(self._engine) as connection:
            occasion = Occasion(name=name, at=self._now(), actor=actor, why=why)
            earlier = connection.execute(_versions_of(name)).all()
            if earlier and earlier[-1].domain != domain:
                raise DomainMismatchError(name, registered=earlier[-1].domain, given=domain)
            number = earlier[-1].version + 1 if earlier else 1
            version = Version(name, number, domain, digest, occasion["at"], actor, metrics)
            columns = asdict(version)
            connection.execute(tables.versions.insert().values(version=columns.pop("number"), **columns))
            record(connection, "register", number, occasion)
            if promote:
                _set_champion(connection, "promote", number, occasion)
        return version

    def promote(self, name: str, number: int, *, actor: str, why: str, only_during: Rollout | None = None) -> Version:
        """Make a version the champion, which ends a rollout; promoting the champion itself has no effect.

        Parameters
        ----------
        only_during : the rollout whose test found the version better; None for other reasons.

        Raises
        ------
        UnknownVersionError
            There is no such version.
        RolloutOverError
            That rollout has ended: the champion or the challenger has changed.
        """
        with writing(self._engine) as connection:
            if only_during is not None and going_on(connection, name) != only_during:
                raise RolloutOverError(name, number)
            version = _find_version(connection, name, number)
            _set_champion(connection, "promote", number, Occasion(name=name, at=self._now(), actor=actor, why=why))
        return version

    def rollback_target(self, name: str) -> Version:
        """The version that a rollback would leave as champion; NothingToRollBackError as `rollback`."""
        with reading(self._engine) as connection:
            return _find_version(connection, name, rollback_target(connection, name))

    def rollback(self, name: str, *, actor: str, why: str, only_to: int | None = None) -> Version:
        """Undo the last change of what answers: end the canary, or make the previous champion the champion again.

        A canary is the latest change, so it ends first, and the champion stays. Promotions form a stack and a rollback
        pops the top: a second rollback goes one further back, and never returns to a version that was rolled back.
        After promotions of 1, 2, 3 two rollbacks lead to 2 and 1; a promotion of 4 and another rollback lead to 1.

        Raises
        ------
        NothingToRollBackError, RollbackOverError
            There is no champion before; or it no longer leads to `only_to`, if given: another change came first.
        """
        with writing(self._engine) as connection:
            version = _find_version(connection, name, rollback_target(connection, name))
            if only_to not in (None, version.number):
                raise RollbackOverError(name)
            occasion = Occasion(name=name, at=self._now(), actor=actor, why=why)
            if not end_canary(connection, occasion):
                _set_champion(connection, "rollback", version.number, occasion)
        return version

    def champion(self, name: str) -> Version | None:
        """The live version of this name, if there is one."""
        return self.champions().get(name)

    def champions(self) -> dict[str, Version]:
        """The live version of every name that has one; a single query, cheap enough for every second."""
        is_champion = (
            (tables.aliases.c.name == tables.versions.c.name)
            & (tables.aliases.c.version == tables.versions.c.version)
            & (tables.aliases.c.alias == CHAMPION)
        )
        query = sa.select(tables.versions).join(tables.aliases, is_champion).order_by(tables.versions.c.name)
        with reading(self._engine) as connection:
            return {row.name: _as_version(row) for row in connection.execute(query)}

    def versions(self, name: str) -> list[Version]:
        """Every version of a name, the oldest first; empty if the name is unknown."""
        with reading(self._engine) as connection:
            return [_as_version(row) for row in connection.execute(_versions_of(name))]

    def version(self, name: str, number: int) -> Version:
        """One version; UnknownVersionError lists the available ones."""
        with reading(self._engine) as connection:
            return _find_version(connection, name, number)

    def former_champions(self, name: str) -> list[Version]:
        """Every version that is or was the champion, by number."""
        numbers = {event.to_version for event in self.history(name) if event.alias == CHAMPION}
        return [version for version in self.versions(name) if version.number in numbers]

    def all_champions(self) -> dict[str, Champions]:
        """What is and was champion of every name; a single query, cheap enough for every second."""
        with reading(self._engine) as connection:
            return champions(connection)

    def names(self) -> list[str]:
        """Every name with a version, in alphabetical order."""
        with reading(self._engine) as connection:
            return sorted(connection.scalars(sa.select(tables.versions.c.name).distinct()))

    def history(self, name: str) -> list[Event]:
        """The history of a name, the oldest event first."""
        with reading(self._engine) as connection:
            return events(connection, name)

    def audit_settings(self) -> dict[str, AuditSettings]:
        """The audit settings of every model without the defaults."""
        return all_audit_settings(self._engine)

    def set_audit(self, name: str, settings: AuditSettings, *, actor: str, why: str) -> None:
        """Change the audit settings of a model; UnknownVersionError if there is no such model."""
        set_audit(self._engine, name, settings, at=self._now(), actor=actor, why=why)

    def close(self) -> None:
        """Close the connections; the registry opens new ones if it is used again."""
        self._engine.dispose()


def _as_json(name: str, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics as a JSON round trip returns them."""
    try:
        plain: dict[str, Any] = json.loads(json.dumps(metrics, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise MetricsError(name, str(error)) from error
    return plain


def _as_version(row: sa.Row[Any]) -> Version:
    columns = dict(row._mapping)
    return Version(number=columns.pop("version"), **columns)


def _versions_of(name: str) -> sa.Select[Any]:
    """Every version of the name, the oldest first."""
    return sa.select(tables.versions).where(tables.versions.c.name == name).order_by(tables.versions.c.version)


def _find_version(connection: sa.Connection, name: str, number: int) -> Version:
    rows = connection.execute(_versions_of(name)).all()  # all of them, for the error
    for row in rows:
        if row.version == number:
            return _as_version(row)
    raise UnknownVersionError(name, number, [row.version for row in rows])


def _set_champion(connection: sa.Connection, action: Action, number: int, occasion: Occasion) -> None:
    """Point the alias to the version and record it; no change if it already points there.

    The rollout ends, since its challenger was compared with the previous champion.
    """
    here = (tables.aliases.c.name == occasion["name"]) & (tables.aliases.c.alias == CHAMPION)
    before = connection.scalar(sa.select(tables.aliases.c.version).where(here))
    if before == number:
        return
    if before is None:
        connection.execute(tables.aliases.insert().values(name=occasion["name"], alias=CHAMPION, version=number))
    else:
        connection.execute(tables.aliases.update().where(here).values(version=number))
    record(connection, action, number, occasion, alias=CHAMPION, from_version=before)
    end_rollout(connection, {**occasion, "why": f"version {number} became champion"})
