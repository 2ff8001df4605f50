"""`backscore models`: models, versions, champions and their history."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.commands.train_options import AllowedLeaks, RequestChange
from service.cli.console import Cell, Line, Remark, listing, print_result
from service.cli.context import (
    AsJson,
    ModelName,
    Why,
    actor,
    loader,
    metric_columns,
    open_registry,
    read_settings,
    unknown_model,
)

if TYPE_CHECKING:
    from models.registry.registry import Version

app = typer.Typer(help="List models and versions; promote a version or roll back.", no_args_is_help=True)


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List every model with its champion."""
    with open_registry(read_settings()) as registry:
        champions = registry.champions()
        rows = [(name, champions.get(name), len(registry.versions(name))) for name in registry.names()]
    models = [
        {"name": name, "champion": champion and _as_json(champion), "n_versions": n_versions}
        for name, champion, n_versions in rows
    ]
    none = Remark("No models yet; train one with `backscore quickstart` or `backscore train DOMAIN`.")
    columns = _MODEL | metric_columns((one.metrics for one in champions.values()), "champion.metrics.")
    print_result({"models": models}, [listing(models, columns)] if models else [none], as_json=as_json)


@app.command()
def show(name: ModelName, as_json: AsJson = False) -> None:
    """Show the versions of a model, its metrics and its history."""
    with open_registry(read_settings()) as registry:
        versions, champion, history = registry.versions(name), registry.champion(name), registry.history(name)
        if not versions:
            raise unknown_model(name, registry)
    number = champion and champion.number
    result = {
        "name": name,
        "domain": versions[0].domain,
        "champion": number,
        "versions": [_as_json(version) for version in versions],
        "history": [asdict(event) for event in history],
    }
    columns: Mapping[str, Cell] = {
        "version": lambda one: f"{one.number} (champion)" if one.number == number else str(one.number),
        "trained": "created:%Y-%m-%d",
        **metric_columns((one.metrics for one in versions), "metrics."),
        "bundle": "digest:.12",
    }
    text = (
        listing(versions, columns, title=f"{name} ({versions[0].domain})"),
        listing(history, _EVENT, title="History"),
    )
    print_result(result, text, as_json=as_json)


@app.command()
def promote(
    name: ModelName,
    version: Annotated[int, typer.Argument(metavar="VERSION", help="Number of the version to promote.")],
    why: Why,
    allow_suspected_leak: AllowedLeaks = None,
    allow_request_change: RequestChange = False,
    as_json: AsJson = False,
) -> None:
    """Make a version the champion; a running service switches by itself."""
    from models.monitoring.promotion import changes

    settings = read_settings()
    allowed = changes.Allowed(suspected_leaks=allow_suspected_leak or (), request_change=allow_request_change)
    notes: list[str] = []
    with open_registry(settings) as registry:
        promoted = changes.promote(
            registry, loader(settings), name, version, actor=actor(), why=why, allowed=allowed, tell=notes.append
        )
    _print_change(promoted, as_json, notes)


@app.command()
def rollback(name: ModelName, why: Why, as_json: AsJson = False) -> None:
    """Return to the previous champion."""
    from models.monitoring.promotion import changes

    settings = read_settings()
    with open_registry(settings) as registry:
        now_live = changes.roll_back(registry, loader(settings), name, actor=actor(), why=why)
    _print_change(now_live, as_json)


def _print_change(version: Version, as_json: bool, notes: Sequence[str] = ()) -> None:
    text = Line(f"Version {version.number} of {version.name!r} is now the champion.")
    result = _as_json(version) | ({"notes": notes} if notes else {})
    print_result(result, [text, *(Remark(f"Note: {note}.") for note in notes)], as_json=as_json)


def _as_json(version: Version) -> dict[str, Any]:
    columns = asdict(version)
    return {"name": columns.pop("name"), "version": columns.pop("number"), **columns}


_MODEL: dict[str, Cell] = {
    "model": "name",
    "domain": "champion.domain",
    "champion": lambda row: f"{row['champion']['version'] if row['champion'] else 'none'} of {row['n_versions']}",
    "trained": "champion.created:%Y-%m-%d",
}
_EVENT: Mapping[str, Cell] = {
    "when (UTC)": "at:%Y-%m-%d %H:%M",
    "what": lambda event: f"{event.action} policy" if event.alias == "policy" else event.action,
    "from": "from_version",
    "to": "to_version",
    "who": "actor",
    "why": "why",
}
