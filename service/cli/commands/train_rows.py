"""Rows of `backscore train`: from a file or table, the event log, or recorded outcomes."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from service.cli.commands.audit import prediction_log
from service.cli.context import event_log, home_of, live_model, open_registry
from service.cli.exits import CommandError

if TYPE_CHECKING:
    from data.window_events import KnownPositives
    from models.contract import Domain, LiveModel
    from models.training.rows import TrainingRows
    from service.settings import Settings


@dataclass(frozen=True, kw_only=True)
class RowSource:
    """Where the rows come from; CommandError for more than one source. Without any they are simulated."""

    data: Path | None = None
    table: str | None = None
    from_events: bool = False
    from_outcomes: bool = False

    def __post_init__(self) -> None:
        """Refuse combinations."""
        if self.from_events and self.names_rows:
            raise CommandError("--from-events cannot be combined with --data or --table")
        if self.from_events and self.from_outcomes:
            raise CommandError("--from-events cannot be combined with --from-outcomes")

    @property
    def names_rows(self) -> bool:
        """Whether it names a file or a table."""
        return self.data is not None or self.table is not None


def read_rows(
    settings: Settings, domain: Domain, name: str, source: RowSource, *, seed: int
) -> tuple[TrainingRows, KnownPositives | None]:
    """The rows, and for events when each was known to be positive; `seed` is that of the simulator."""
    from models.training.rows import rows_to_train_on

    if source.from_events:
        return _stored_events(settings, domain, name)
    if source.from_outcomes:
        return _rows_with_outcomes(settings, domain, name, source), None
    if source.data is None and source.table is None:
        _refuse_simulation_of(settings, domain, name)
    rows = rows_to_train_on(
        domain,
        data=str(source.data) if source.data else None,
        table=source.table,
        home=home_of(settings),
        data_home=settings.data_home,
        seed=seed,
    )
    return rows, None


def _refuse_simulation_of(settings: Settings, domain: Domain, name: str) -> None:
    """Simulated rows are for the domain's own name, and only as long as its champion knows no others."""
    from models.registry.bundles import read_manifest
    from models.training.rows import SIMULATED

    write = (
        f"write `backscore train {domain.name} --name {name} --table my.toml --data my.csv`, or use --from-outcomes or "
        "--from-events"
    )
    if name != domain.name:
        own = f"`backscore train {domain.name}` trains on simulated rows under the domain's own name"
        raise CommandError(f"{name!r} has no rows to train on: {write}; {own}")
    with open_registry(settings) as registry:
        champion = registry.champion(name)
    if champion is None:
        return
    source = read_manifest(home_of(settings).bundles, champion.digest).source
    if not source.startswith(SIMULATED):
        raise CommandError(
            f"the champion of {name!r}, version {champion.number}, was trained on {source}; simulated rows must not "
            f"take its place: {write}"
        )


def _stored_events(settings: Settings, domain: Domain, name: str) -> tuple[TrainingRows, KnownPositives]:
    """Stored events with known labels, and when each of them was known to be positive."""
    from models.clock import utc_now
    from models.records.events.history import check_features, source_of, stored_rows, with_levels_of
    from models.training.rows import TrainingRows, split_for

    live = live_model(settings, name)
    with event_log(settings, live) as log:
        check_features(log)
        stored = stored_rows(log, utc_now())
    table = with_levels_of(live.table, stored.frame)
    rows = TrainingRows(table, stored.frame, source_of(name), split_for(table, domain))
    return rows, stored.positives


def _rows_with_outcomes(settings: Settings, domain: Domain, name: str, source: RowSource) -> TrainingRows:
    """Recorded rows with known outcomes, added to the champion's where they correct it."""
    from models.clock import utc_now
    from models.training.outcome_rows import rows_with_outcomes, with_corrections

    if source.names_rows and not domain.outcomes_correct:
        raise CommandError("--from-outcomes cannot be combined with --data or --table")
    live = live_model(settings, name)
    with prediction_log(settings) as log:
        told = rows_with_outcomes(log.engine, name, live.table, domain, now=utc_now())
    return with_corrections(_rows_to_correct(settings, live, source), told) if domain.outcomes_correct else told


def _rows_to_correct(settings: Settings, live: LiveModel, source: RowSource) -> TrainingRows:
    """The named rows, or those that the domain simulates if the champion was trained on such."""
    from models.registry.bundles import read_manifest
    from models.training.rows import SIMULATED, rows_to_train_on

    with open_registry(settings) as registry:
        manifest = read_manifest(home_of(settings).bundles, registry.version(live.name, live.version).digest)
    if not source.names_rows and not manifest.source.startswith(SIMULATED):
        raise CommandError(
            f"outcomes of {live.name!r} are added to the rows that version {live.version} was trained on "
            f"({manifest.source}): name them with --table and --data"
        )
    return rows_to_train_on(
        live.domain,
        data=str(source.data) if source.data else None,
        table=source.table,
        home=home_of(settings),
        data_home=settings.data_home,
        seed=manifest.seed,
    )
