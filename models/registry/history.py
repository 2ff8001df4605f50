"""The append-only history of every model: changes with time, actor and reason."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Champions:
    """What was champion of a name: `pile` as from `pile_of`, and every version, by when it last became it."""

    pile: list[int] = field(default_factory=list)
    by_time: list[int] = field(default_factory=list)

    def before(self, number: int, n_counted: int) -> list[tuple[int, int]]:
        """The champions before this version, the latest first, up to the `n_counted`-th.

        Each with the number of counted champions since. One that was rolled back does not count: a return to the
        version before it must not change what that version takes.
        """
        found, counted = list[tuple[int, int]](), 0
        for other in reversed(self.by_time):
            if counted < n_counted and other != number:
                found.append((other, counted))
                counted += other in self.pile
        return found


def champions(connection: sa.Connection) -> dict[str, Champions]:
    """The champions of every name."""
    history = tables.history.c
    query = (
        sa.select(history.name, history.action, history.to_version)
        .where(history.alias == "champion")
        .order_by(history.id)
    )
    found: dict[str, Champions] = defaultdict(Champions)
    for name, action, number in connection.execute(query):
        one = found[name]
        _turn(one.pile, action, number)
        if number in one.by_time:
            one.by_time.remove(number)
        one.by_time.append(number)
    return found


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
        _turn(pile, action, number)
    return pile


def _turn(pile: list[int], action: Action, number: int) -> None:
    """Make this version the last of the pile, by a change of this kind."""
    if action == "rollback":
        pile.pop()
    else:
        pile.append(number)
