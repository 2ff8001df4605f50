"""`backscore models`: the versions of each model, which one answers, and who changed that."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.evaluation.metric_tables import Metric, metrics_of
from service.cli import console
from service.cli.context import AsJson, Why, actor, home_of, open_registry, read_settings
from service.cli.exits import CommandError

if TYPE_CHECKING:
    from models.registry.history import Event
    from models.registry.registry import Version

app = typer.Typer(help="See which models there are and which version of each answers; change it.", no_args_is_help=True)

ModelName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the model, as in its endpoint.")]


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List every model with the version that answers."""
    with open_registry(read_settings()) as registry:
        champions = registry.champions()
        rows = [(name, champions.get(name), len(registry.versions(name))) for name in registry.names()]
    if as_json:
        models = [
            {"name": name, "champion": champion and _as_json(champion), "n_versions": n_versions}
            for name, champion, n_versions in rows
        ]
        console.print_json({"models": models})
        return
    if not rows:
        console.remark("There are no models yet; `backscore quickstart` or `backscore train DOMAIN` makes some.")
        return
    metrics = metrics_of((champion.metrics for _, champion, _ in rows if champion), headline=True)
    cells = [(name, *_champion_cells(champion, n_versions, metrics)) for name, champion, n_versions in rows]
    headings = ("model", "domain", "answers", "trained", *(metric.title for metric in metrics))
    console.results.print(console.table_of(headings, cells))


@app.command()
def show(name: ModelName, as_json: AsJson = False) -> None:
    """Show the versions of a model, its metrics and its history."""
    with open_registry(read_settings()) as registry:
        versions, champion, history = registry.versions(name), registry.champion(name), registry.history(name)
        known = registry.names()
    if not versions:
        raise CommandError(f"there is no model {name!r}; there are {', '.join(known) or 'none yet'}")
    if as_json:
        console.print_json(
            {
                "name": name,
                "domain": versions[0].domain,
                "champion": champion and champion.number,
                "versions": [_as_json(version) for version in versions],
                "history": [asdict(event) for event in history],
            }
        )
        return
    metrics = metrics_of((version.metrics for version in versions), headline=True)
    cells = [
        (
            f"{version.number} (answers)" if champion and version.number == champion.number else str(version.number),
            f"{version.created:%Y-%m-%d}",
            *_metrics(version, metrics),
            version.digest[:12],
        )
        for version in versions
    ]
    version_headings = ("version", "trained", *(metric.title for metric in metrics), "bundle")
    console.results.print(console.table_of(version_headings, cells, title=f"{name} ({versions[0].domain})"))
    events = [
        (f"{event.at:%Y-%m-%d %H:%M}", _what(event), event.from_version, event.to_version, event.actor, event.why)
        for event in history
    ]
    event_headings = ("when (UTC)", "what", "from", "to", "who", "why")
    console.results.print(console.table_of(event_headings, events, title="History"))


@app.command()
def promote(
    name: ModelName,
    version: Annotated[int, typer.Argument(metavar="VERSION", help="Number of the version that shall answer.")],
    why: Why,
    as_json: AsJson = False,
) -> None:
    """Let a version answer from now on; a running service changes over by itself."""
    from models.registry.live import load_answering

    settings = read_settings()
    with open_registry(settings) as registry:
        # One that cannot be loaded would be refused by every service; it must not become champion
        load_answering(registry.version(name, version), registry.policies.active(name), home_of(settings).bundles)
        promoted = registry.promote(name, version, actor=actor(), why=why)
    _print_change(promoted, as_json)


@app.command()
def rollback(name: ModelName, why: Why, as_json: AsJson = False) -> None:
    """Let the version before the present one answer again."""
    with open_registry(read_settings()) as registry:
        now_live = registry.rollback(name, actor=actor(), why=why)
    _print_change(now_live, as_json)


def _print_change(version: Version, as_json: bool) -> None:
    if as_json:
        console.print_json(_as_json(version))
    else:
        console.say(f"Version {version.number} of {version.name!r} answers from now on.", style="green")


def _what(event: Event) -> str:
    """The action, and of what if it was not of the version that answers."""
    return f"{event.action} policy" if event.alias == "policy" else event.action


def _champion_cells(champion: Version | None, n_versions: int, metrics: Sequence[Metric]) -> list[Any]:
    if champion is None:
        return [None, f"none of {n_versions}", None, *[None] * len(metrics)]
    created = f"{champion.created:%Y-%m-%d}"
    return [champion.domain, f"{champion.number} of {n_versions}", created, *_metrics(champion, metrics)]


def _metrics(version: Version, metrics: Sequence[Metric]) -> list[Any]:
    return [version.metrics.get(metric.key) for metric in metrics]


def _as_json(version: Version) -> dict[str, Any]:
    columns = asdict(version)
    return {"name": columns.pop("name"), "version": columns.pop("number"), **columns}
