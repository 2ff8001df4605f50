"""Retired inputs: what earlier champions took and a version no longer takes; requests may still send it for a while.

A champion takes, and ignores, every input of the three other champions that came before it. So an input that a version
drops may be sent to that version and to the next two; the one after refuses it. Callers have that long to change. After
a rollback, the inputs of the version that was rolled back are ignored too.
"""

from __future__ import annotations

from collections.abc import Iterable

from data.table import Table

N_EARLIER = 3
"""Number of champions for which a dropped input may still be sent, the one that dropped it included."""
_UNTIL = ("the next version refuses it", "one more version takes it", "two more versions take it")


def retired_inputs(version: int, table: Table, earlier: Iterable[tuple[int, int, Table]]) -> dict[str, str]:
    """The inputs that a version ignores, each with the warning for callers who send it.

    Parameters
    ----------
    table : of the version.
    earlier : the champions before it, the latest first: number, number of champions since, table.
    """
    taken, found = {column.name for column in table.inputs}, dict[str, str]()
    for number, n_since, before in earlier:
        for column in before.inputs:
            if column.name not in taken:
                found.setdefault(column.name, _warning(column.name, version, number, N_EARLIER - 1 - n_since))
    return found


def _warning(name: str, version: int, last: int, n_more: int) -> str:
    return (
        f"{name!r} is no input of version {version} and was ignored; version {last} was the last to read it: stop "
        f"sending it, {_UNTIL[n_more]}"
    )
