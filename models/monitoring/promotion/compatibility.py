"""Compatibility of a challenger with the champion: both must accept the same requests."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from pydantic import TypeAdapter

from data.rows import row_adapter
from data.table import Table
from models.contract import LiveModel
from models.errors import ChallengerError
from models.registry.audit_settings import AuditSettings
from models.registry.rollouts import Mode

DOCUMENTATION = frozenset({"title", "description", "examples", "default"})


def check_challenger(champion: LiveModel, challenger: LiveModel, mode: Mode, audit: AuditSettings) -> None:
    """Refuse a challenger whose answers would differ in more than numbers.

    Both must accept the same requests: a canary must not refuse what the champion answers, and a shadow answers rows
    that the champion has checked. A shadow also reuses the champion's windows, to avoid a second database query for
    every event; a canary computes its own.

    Raises
    ------
    ChallengerError
        The text says what differs.
    """

    def refuse(problem: str) -> ChallengerError:
        return ChallengerError(challenger.name, challenger.version, f"{problem} than champion {champion.version}")

    if different := request_changes(champion, challenger):
        raise refuse(f"it accepts other requests ({'; '.join(different)})")
    if mode == "canary":
        return
    if audit.level == "off":
        problem = "a shadow is only recorded, and the audit log of this model is off; try it as a canary"
        raise ChallengerError(challenger.name, challenger.version, problem)
    if other := _other_windows(champion.table, challenger.table):
        raise refuse(f"as a shadow it would need other windows ({', '.join(other)}; try it as a canary)")


def request_changes(champion: LiveModel, challenger: LiveModel) -> list[str]:
    """What differs between the requests of the two, a short text for each column or operation; empty if nothing does.

    Requests hold no windows, except by name in requests for explanations, where they may differ.
    """
    windows = {column.name for live in (champion, challenger) for column in live.table.windows}
    ours, theirs = (_fields(row_adapter(live.table)) for live in (champion, challenger))
    columns = [
        _difference(name, ours.get(name), theirs.get(name))
        for name in {**ours, **theirs}
        if ours.get(name) != theirs.get(name)
    ]
    if columns:
        return columns
    bodies = [
        {one.name: _bare(TypeAdapter(one.body(live.table)).json_schema(), windows) for one in live.domain.operations}
        for live in (champion, challenger)
    ]
    return [f"{name} takes another body" for name in bodies[0] if bodies[0][name] != bodies[1].get(name)]


def _difference(name: str, before: tuple[Any, bool] | None, now: tuple[Any, bool] | None) -> str:
    """What became of a column, of which the schema and whether it is required are given."""
    if now is None:
        return f"column {name} is no longer taken"
    if before is None:
        return f"column {name} is new{' and required' if now[1] else ''}"
    if before[0] == now[0]:
        return f"column {name} is {'now' if now[1] else 'no longer'} required"
    return f"column {name} takes other values"


def _fields(adapter: TypeAdapter[Any]) -> dict[str, Any]:
    """The JSON schema of each column of a row, and whether it is required."""
    schema = adapter.json_schema()
    required = schema.get("required", [])
    return {name: (_bare(field), name in required) for name, field in schema["properties"].items()}


def _bare(schema: Any, unnamed: Set[str] = frozenset()) -> Any:
    """A JSON schema without descriptions, and without the `unnamed` choices."""
    if isinstance(schema, list):
        return [_bare(one, unnamed) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    found: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            found[key] = {name: _bare(field, unnamed) for name, field in value.items()}
        elif key == "enum":
            found[key] = [one for one in value if one not in unnamed]
        elif key not in DOCUMENTATION:
            found[key] = _bare(value, unnamed)
    return found


def _other_windows(champion: Table, challenger: Table) -> list[str]:
    """Windows of the challenger that the champion lacks or names differently."""
    known = {column.name: column.window for column in champion.windows}
    return [column.name for column in challenger.windows if known.get(column.name) != column.window]
