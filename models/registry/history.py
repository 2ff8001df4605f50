"""The append-only history of every model: changes with time, actor and reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias, TypedDict

import sqlalchemy as sa

from models.registry.database import schema as tables

Action: TypeAlias = Literal["register", "promote", "rollback", "activate", "audit", "challenge", "withdraw"]
Alias: TypeAlias = Literal["champion", "policy", "challenger"]


@dataclass(frozen=True)
class Event:
    """An entry of the history.

    `alias` is the changed pointer: `champion` to another version, `policy` to another stored policy (0 is the policy
    of the live bundle), `challenger` to a version in a rollout, or back to the champion at its end. It is None if no
    pointer changed; `from_version` is None if there was no earlier target.
    """

    id: int
    at: datetime
    name: str
    action: Action
    alias: Alias | None
    from_version: int | None
    to_version: int
    actor: str
    why: str


class Occasion(TypedDict):
    """Model, time, actor and reason of a change: the part of an event that the caller provides."""

    name: str
    at: datetime
    actor: str
    why: str


def record(
    connection: sa.Connection,
    action: Action,
    to_version: int,
    occasion: Occasion,
    *,
    alias: Alias | None = None,
    from_version: int | None = None,
) -> None:
    """Append an event to the history."""
    connection.execute(
        tables.history.insert().values(
            action=action, alias=alias, from_version=from_version, to_version=to_version, **occasion
        )
    )


def events(connection: sa.Connection, name: str) -> list[Event]:
    """The history of a model, the oldest event first."""
    query = sa.select(tables.history).where(tables.history.c.name == name).order_by(tables.history.c.id)
    return [Event(**row) for row in connection.execute(query).mappings()]


def pile_of(connection: sa.Connection, name: str, alias: Alias) -> list[int]:
    """The stack of earlier targets of an alias for rollbacks, the current one last.

    A rollback pops the top, any other change pushes a target.
    """
    query = (
        sa.select(tables.history.c.action, tables.history.c.to_version)
        .where(tables.history.c.name == name, tables.history.c.alias == alias)
        .order_by(tables.history.c.id)
    )
    pile: list[int] = []
    for action, number in connection.execute(query):
        if action == "rollback":
            pile.pop()
        else:
            pile.append(number)
    return pile
