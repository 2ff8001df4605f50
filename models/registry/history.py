"""The history of every model: what was changed when, by whom and why; it is only ever added to."""

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
    """One line of the history.

    `alias` says what was pointed elsewhere: the `champion` to another version, the `policy` to another stored policy
    (0 is the policy of the bundle that answers), the `challenger` to a version that is tried, or from it back to the
    champion. It is None where nothing was; `from_version` is None where nothing was pointed to before.
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
    """Which model was changed when, by whom and why: the half of an event that its caller knows."""

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
    """Add a line to the history."""
    connection.execute(
        tables.history.insert().values(
            action=action, alias=alias, from_version=from_version, to_version=to_version, **occasion
        )
    )


def events(connection: sa.Connection, name: str) -> list[Event]:
    """Everything that happened to a name, the oldest first."""
    query = sa.select(tables.history).where(tables.history.c.name == name).order_by(tables.history.c.id)
    return [Event(**row) for row in connection.execute(query).mappings()]


def pile_of(connection: sa.Connection, name: str, alias: Alias) -> list[int]:
    """Earlier targets of the alias that rollbacks can return to, the current one last.

    A rollback takes the topmost off, everything else puts another one on top.
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
