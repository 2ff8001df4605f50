"""Rollouts: the challenger of each model's champion, as a shadow or a canary.

A model has at most one challenger. A new rollout replaces it and restarts the comparison. When another version becomes
champion, the rollout ends, since the challenger was compared with the previous champion.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal, TypeAlias

import sqlalchemy as sa

from models.clock import Clock
from models.errors import ChallengerError, NoChallengerError, NothingToRollBackError, UnknownVersionError
from models.registry.database import schema as registry_tables
from models.registry.database import schema as tables
from models.registry.database.engine import reading, writing
from models.registry.history import Occasion, pile_of, record
from models.registry.id_hash import share_of

Mode: TypeAlias = Literal["shadow", "canary"]

_rollouts, _aliases, _versions = tables.rollouts, registry_tables.aliases, registry_tables.versions


@dataclass(frozen=True)
class Rollout:
    """A version that challenges the champion of its name.

    Parameters
    ----------
    mode : "shadow" answers the champion's rows, recorded only; "canary" answers a share of the predictions.
    share : of a canary, above 0 and below 1; 0 of a shadow.
    started : in UTC.
    """

    name: str
    version: int
    mode: Mode
    share: float
    started: datetime
    started_by: str

    def gives(self, prediction_id: str) -> bool:
        """Whether the challenger answers this prediction; constant for an id."""
        return self.mode == "canary" and share_of(prediction_id, "canary") < self.share

    @property
    def text(self) -> str:
        """Mode and share in a few words."""
        return "shadow" if self.mode == "shadow" else f"canary of {100 * self.share:g} %"


class Rollouts:
    """The challengers of all models, available as `models.registry.registry.Registry.rollouts`.

    Every method raises DatabaseError if the database fails.
    """

    def __init__(self, engine: sa.Engine, *, now: Clock) -> None:
        self._engine, self._now = engine, now

    def start(self, name: str, number: int, *, mode: Mode, share: float = 0.0, actor: str, why: str) -> Rollout:
        """Start a rollout of a version, in place of any other.

        Raises
        ------
        UnknownVersionError
            There is no such version.
        ChallengerError
            It is the champion, there is no champion, or the share does not fit the mode.
        """
        check_share(name, number, mode, share)
        with writing(self._engine) as connection:
            numbers = list(connection.scalars(sa.select(_versions.c.version).where(_versions.c.name == name)))
            if number not in numbers:
                raise UnknownVersionError(name, number, sorted(numbers))
            champion = _champion(connection, name)
            if champion is None:
                raise ChallengerError(name, number, "the model has no champion; promote a version first")
            if champion == number:
                raise ChallengerError(name, number, "it is the champion; name another version")
            before = going_on(connection, name)
            rollout = Rollout(name, number, mode, share, self._now(), actor)
            connection.execute(_rollouts.delete().where(_rollouts.c.name == name))
            connection.execute(_rollouts.insert().values(**asdict(rollout)))
            occasion = Occasion(name=name, at=rollout.started, actor=actor, why=f"{rollout.text}; {why}".rstrip("; "))
            record(
                connection,
                "challenge",
                number,
                occasion,
                alias="challenger",
                from_version=before.version if before else None,
            )
        return rollout

    def stop(self, name: str, *, actor: str, why: str) -> Rollout:
        """End the rollout and return it; NoChallengerError if there is none."""
        with writing(self._engine) as connection:
            ended = end_rollout(connection, Occasion(name=name, at=self._now(), actor=actor, why=why))
            if ended is None:
                raise NoChallengerError(name)
        return ended

    def rollout(self, name: str) -> Rollout | None:
        """The rollout of this name, if there is one."""
        return self.all().get(name)

    def all(self) -> dict[str, Rollout]:
        """The rollouts by name; a single query, cheap enough for every second."""
        with reading(self._engine) as connection:
            return {row["name"]: Rollout(**row) for row in connection.execute(sa.select(_rollouts)).mappings()}


def check_share(name: str, number: int, mode: Mode, share: float) -> None:
    """ChallengerError if the share does not fit the mode."""
    if mode == "canary" and not 0 < share < 1:
        raise ChallengerError(name, number, f"the share of a canary must be above 0 and below 1, got {share:g}")
    if mode == "shadow" and share != 0:
        raise ChallengerError(name, number, f"a shadow sends no answers, so it has no share, got {share:g}")


def end_rollout(connection: sa.Connection, occasion: Occasion) -> Rollout | None:
    """End the rollout and record it; returns the challenger, None if there was none."""
    name = occasion["name"]
    ended = going_on(connection, name)
    if ended is None:
        return None
    connection.execute(_rollouts.delete().where(_rollouts.c.name == name))
    champion = _champion(connection, name)
    assert champion is not None  # noqa: S101 - a rollout has a champion, and champions are only replaced
    record(connection, "withdraw", champion, occasion, alias="challenger", from_version=ended.version)
    return ended


def rollback_target(connection: sa.Connection, name: str) -> int:
    """The champion after a rollback: the same one if a canary ends; NothingToRollBackError if there is none before."""
    pile, rollout = pile_of(connection, name, "champion"), going_on(connection, name)
    if rollout is not None and rollout.mode == "canary":
        return pile[-1]
    if len(pile) < 2:
        raise NothingToRollBackError(name, champion=pile[0] if pile else None)
    return pile[-2]


def end_canary(connection: sa.Connection, occasion: Occasion) -> bool:
    """End the rollout if it is a canary; returns whether it was."""
    rollout = going_on(connection, occasion["name"])
    return rollout is not None and rollout.mode == "canary" and end_rollout(connection, occasion) is not None


def going_on(connection: sa.Connection, name: str) -> Rollout | None:
    """The rollout of this name, read in an open transaction."""
    row = connection.execute(sa.select(_rollouts).where(_rollouts.c.name == name)).mappings().first()
    return Rollout(**row) if row else None


def _champion(connection: sa.Connection, name: str) -> int | None:
    return connection.scalar(
        sa.select(_aliases.c.version).where(_aliases.c.name == name, _aliases.c.alias == "champion")
    )
