"""What differs between the requests of two versions: what callers would be refused for, and what they need not mind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from data.rows import row_adapter
from data.table import Table
from models.contract import LiveModel, Operation

NULL = {"type": "null"}
DOCUMENTATION = frozenset({"title", "description", "examples", "default"})


@dataclass(frozen=True)
class RequestChanges:
    """What differs between the requests of a champion and another version, a short text for each.

    Parameters
    ----------
    refused : for what the other version would refuse requests that the champion takes.
    taken : what it takes all the same: it ignores inputs of the champion (see `models.registry.retired_inputs`), and
        does without new ones that are optional or have a default.
    """

    refused: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """What a promotion changes for callers, none of whom is refused; empty if nothing."""
        return "; ".join(self.taken)


def compare_requests(champion: LiveModel, other: LiveModel) -> RequestChanges:
    """The differences between the requests of two versions.

    Requests hold no windows, except by name in requests for explanations, where they may differ.
    """
    before, now = (_fields(row_adapter(live.table)) for live in (champion, other))
    removed = [name for name in before if name not in now]
    new = {name for name in now if name not in before and not now[name][1]}
    changed = [problem for name in now if (problem := _problem(name, before.get(name), now[name]))]
    if not changed:
        differing = {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}
        changed = [*_other_bodies(champion, other, differing), *_taken_elsewhere(champion, set(removed))]
    taken = [f"column {name} is no longer an input; for three versions requests may hold it" for name in removed]
    taken += [f"column {name} is new; requests may lack it" for name in now if name in new]
    return RequestChanges(tuple(changed), tuple(taken))


def _problem(name: str, before: tuple[Any, bool] | None, now: tuple[Any, bool]) -> str:
    """Why a column refuses requests, of which the schema and whether it is required are given; empty if it does not."""
    schema, required = now
    if before is None:
        return f"column {name} is new and required; give it a default in the table, or make it optional" * required
    if schema not in (before[0], _or_null(before[0])):
        return f"column {name} takes other values"
    return f"column {name} is now required" * (required and not before[1])


def _fields(adapter: TypeAdapter[Any]) -> dict[str, tuple[Any, bool]]:
    """The JSON schema of each column of a row, and whether it is required."""
    schema = adapter.json_schema()
    required = schema.get("required", [])
    return {name: (_bare(field), name in required) for name, field in schema["properties"].items()}


def _or_null(schema: Any) -> dict[str, Any]:
    """The schema of the same values and null."""
    return {**schema, "anyOf": [*schema["anyOf"], NULL]} if "anyOf" in schema else {"anyOf": [schema, NULL]}


def _other_bodies(champion: LiveModel, other: LiveModel, columns: Set[str]) -> list[str]:
    """Operations whose bodies differ in more than these columns, which have been compared."""
    unnamed = {column.name for live in (champion, other) for column in live.table.windows} | columns
    before, now = (
        {one.name: _bare(_schema(one, live.table), unnamed) for one in live.domain.operations}
        for live in (champion, other)
    )
    return [f"{name} takes another body" for name in before if before[name] != now.get(name)]


def _taken_elsewhere(champion: LiveModel, removed: Set[str]) -> list[str]:
    """Operations of which a removed column is more than a value of the row, so that it cannot be ignored.

    A campaign that targets people by a column must not be shown to all of them once the column is gone.
    """
    return [
        f"{operation.name} no longer takes column {name} in {'/'.join(place)}"
        for operation in champion.domain.operations
        for place, name in _places(_schema(operation, champion.table), removed)
        if place not in operation.row_places
    ]


def _schema(operation: Operation, table: Table) -> dict[str, Any]:
    return TypeAdapter(operation.body(table)).json_schema()


def _places(schema: Mapping[str, Any], names: Set[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """The objects of a JSON schema that hold one of the names: path, with "*" for each element of a list, and name."""

    def walk(part: Mapping[str, Any], place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
        if "$ref" in part:
            yield from walk(schema["$defs"][part["$ref"].rpartition("/")[2]], place)
        for choice in part.get("anyOf", ()):
            yield from walk(choice, place)
        if isinstance(items := part.get("items"), Mapping):
            yield from walk(items, (*place, "*"))
        for name, field in part.get("properties", {}).items():
            if name in names:
                yield place, name
            yield from walk(field, (*place, name))

    return walk(schema, ())


def _bare(schema: Any, unnamed: Set[str] = frozenset()) -> Any:
    """A JSON schema without descriptions, and without the `unnamed` columns and choices."""
    if isinstance(schema, list):
        return [_bare(one, unnamed) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    found: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            found[key] = {name: _bare(field, unnamed) for name, field in value.items() if name not in unnamed}
        elif key in ("enum", "required"):
            found[key] = _named(value, unnamed)
        elif key not in DOCUMENTATION:
            found[key] = _bare(value, unnamed)
    return found


def _named(names: Sequence[Any], unnamed: Set[str]) -> list[Any]:
    return [one for one in names if one not in unnamed]
