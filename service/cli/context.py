"""Settings, registry and domain names for all commands, and the options that several of them share."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

import getpass
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.domains import domain_names
from models.evaluation.metric_tables import metrics_of
from service.cli.exits import CommandError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from models.backtesting.past_rows import PastRows
    from models.contract import Domain, LiveModel
    from models.home import Home
    from models.monitoring.promotion.changes import Load
    from models.records.events.event_log import EventLog
    from models.registry.registry import Registry, Version
    from service.settings import Settings


def _known_domain(name: str) -> str:
    if name not in domain_names():
        raise typer.BadParameter(f"unknown domain {name!r}; available: {', '.join(domain_names())}")
    return name


DomainName = Annotated[
    str,
    typer.Argument(metavar="DOMAIN", help=f"Domain of the model: {', '.join(domain_names())}.", callback=_known_domain),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
FromEvents = Annotated[
    bool,
    typer.Option("--from-events", help="Use the stored events that were scored since the version was trained."),
]
ModelName = Annotated[str, typer.Argument(metavar="NAME", help="Model name, as in its endpoint.")]
PastData = Annotated[Path | None, typer.Option("--data", help="CSV or parquet file with past rows and their outcome.")]
PastTable = Annotated[str | None, typer.Option("--table", help="Name of a public table with past rows.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the model's history.")]


def domain_of(name: str) -> Domain:
    """The domain of that name."""
    from models.domains._discovery import load_domains

    return load_domains()[name]


def read_settings(**options: Any) -> Settings:
    """The settings: options that are not None, then BACKSCORE_* variables, then defaults.

    Raises
    ------
    CommandError
        A value is invalid; the text names its option or variable.
    """
    from pydantic import ValidationError

    from service.settings import Settings

    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        problems = [
            f"{_spelled(str(problem['loc'][0]), given)}: {problem['msg']}, got {problem['input']!r}"
            for problem in error.errors()
        ]
        raise CommandError("\n".join(problems)) from error


def _spelled(setting: str, options: Mapping[str, Any]) -> str:
    """The option or variable that set a setting."""
    return f"--{setting.replace('_', '-')}" if setting in options else f"BACKSCORE_{setting.upper()}"


def home_of(settings: Settings) -> Home:
    """The folder for everything that is written."""
    from models.home import Home

    return Home(settings.home)


def loader(settings: Settings) -> Load:
    """Loads a version under a policy, verified."""
    from models.registry.live import load_answering

    return partial(load_answering, bundles=home_of(settings).bundles)


def metric_columns(versions: Iterable[Mapping[str, object]], path: str = "") -> dict[str, str]:
    """Columns of a listing for the headline metrics of some versions, found below a path of its rows."""
    return {metric.title: path + metric.key for metric in metrics_of(versions, headline=True)}


def unknown_model(name: str, registry: Registry) -> CommandError:
    """The error for a name without versions."""
    return CommandError(f"unknown model {name!r}; available: {', '.join(registry.names()) or 'none yet'}")


@contextmanager
def open_registry(settings: Settings) -> Iterator[Registry]:
    """The registry, closed when the block ends."""
    from models.registry.registry import Registry

    registry = Registry(settings.registry_url)
    try:
        yield registry
    finally:
        registry.close()


@contextmanager
def database_of(settings: Settings) -> Iterator[sa.Engine]:
    """The database with all its tables, closed when the block ends."""
    from models.registry.database.engine import open_database

    with open_registry(settings):
        pass  # creates the tables
    engine = open_database(settings.registry_url)
    try:
        yield engine
    finally:
        engine.dispose()


def champion_of(registry: Registry, name: str) -> Version:
    """The champion; NotTrainedError if there is none."""
    from models.errors import NotTrainedError

    version = registry.champion(name)
    if version is None:
        raise NotTrainedError(name)
    return version


def live_model(settings: Settings, name: str) -> LiveModel:
    """The champion of this name, loaded under the active policy; NotTrainedError if there is none."""
    from models.registry.live import load_answering

    with open_registry(settings) as registry:
        version, policy = champion_of(registry, name), registry.policies.active(name)
    return load_answering(version, policy, home_of(settings).bundles)


@contextmanager
def event_log(settings: Settings, live: LiveModel) -> Iterator[EventLog]:
    """The event log of a live model, closed when the block ends; CommandError if its table has no windows."""
    from models.records.audit_log.personal import PersonalData, personal_key
    from models.records.events.event_log import EventLog

    if not live.table.windows:
        raise CommandError(
            f"the table of {live.name!r} has no windows, so no events are stored; see `backscore table show`"
        )
    with database_of(settings) as engine:
        yield EventLog(engine, live.name, live.table, personal=PersonalData(live.table, personal_key(settings.home)))


def past_rows_of(
    settings: Settings, live: LiveModel, version: Version, *, data: Path | None, table: str | None, from_events: bool
) -> PastRows:
    """Past rows with their outcome, see `models.backtesting.past_rows`; CommandError for more than one source."""
    from models.backtesting.past_rows import answered_rows, past_rows
    from models.clock import utc_now
    from models.registry.bundles import read_manifest
    from models.training.known_rows import read_known_rows

    home = home_of(settings)
    manifest = read_manifest(home.bundles, version.digest)
    if not from_events:
        known, named = read_known_rows(home.bundles, version.digest), str(data) if data else None
        return past_rows(live, manifest, known, data=named, table=table, home=home, data_home=settings.data_home)
    if data is not None or table is not None:
        raise CommandError("--from-events cannot be combined with --data or --table")
    with event_log(settings, live) as log:
        return answered_rows(live, manifest, log, utc_now())


def installed_version(package: str) -> str:
    """The version of a package, or "not installed", as for backscore itself when run from its source folder."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def actor() -> str:
    """Who makes a change, for the history."""
    try:
        return f"command line ({getpass.getuser()})"
    except (KeyError, OSError):  # a user without a name, as containers have
        return "command line"
