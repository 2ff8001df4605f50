"""`backscore train`: from rows to a registered version."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from models.presets import PresetName
from service.cli import console
from service.cli.commands.audit import prediction_log
from service.cli.commands.rollout import start_rollout
from service.cli.console import Line, Part, listing, print_result
from service.cli.context import (
    AsJson,
    DomainName,
    actor,
    domain_of,
    event_log,
    home_of,
    live_model,
    metric_columns,
    open_registry,
    read_settings,
)
from service.cli.exits import NOT_PROMOTED, CommandError
from service.cli.progress import TrainingProgress

if TYPE_CHECKING:
    from data.table import Table
    from data.window_events import KnownPositives
    from models.contract import Domain
    from models.retraining import TrainingResult
    from models.training.rows import TrainingRows
    from service.settings import Settings

Promotion: TypeAlias = Literal["auto", "always", "never", "challenger"]


def train(
    domain: DomainName,
    name: Annotated[
        str | None, typer.Option(help="Name of the model and its endpoint; default: the domain's name.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="CSV or parquet file with the rows to train on.")] = None,
    table: Annotated[
        str | None,
        typer.Option(
            help="Description of the columns: a TOML file (`backscore table infer` writes one),"
            " or the name of a public table (`backscore data list`), which includes its rows."
        ),
    ] = None,
    from_events: Annotated[
        bool,
        typer.Option(
            "--from-events",
            help="Train on the stored events of the champion whose labels are known.",
        ),
    ] = False,
    from_outcomes: Annotated[
        bool,
        typer.Option(
            "--from-outcomes",
            help="Train on the recorded rows of the champion whose outcomes are known.",
        ),
    ] = False,
    refine: Annotated[
        bool,
        typer.Option("--refine", help="Continue from the champion's weights, on rows that it has not seen."),
    ] = False,
    without_protected: Annotated[
        bool,
        typer.Option(
            "--without-protected",
            help="Exclude protected columns from the features; fairness reports still use them."
            " Required for ranking campaigns for housing, employment or credit.",
        ),
    ] = False,
    preset: Annotated[
        PresetName | None,
        typer.Option(help="How long to train. Default: balanced; with --refine that of the champion."),
    ] = None,
    promote: Annotated[
        Promotion,
        typer.Option(
            help="Promote the new version: auto (if it is not worse than the champion), always or never; challenger "
            "starts it as a shadow instead, see `backscore rollout`."
        ),
    ] = "auto",
    negative_sample_rate: Annotated[
        float | None,
        typer.Option(
            "--negative-sample-rate",
            "--keep-negatives",
            help="For rare events: train on this share of the rows without the event, above 0 up to 1;"
            " probabilities are corrected for it. Default: all; with --refine the share of the champion.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed; equal seeds give equal models.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Train a model, evaluate it on a held-out test set, and promote it if it is good enough.

    Without --data and --table it trains on simulated rows. For your own file: run
    `backscore table infer my.csv --target COLUMN --out my.toml`, check my.toml, then run
    `backscore train DOMAIN --name my-model --table my.toml --data my.csv`.

    With newer rows, --refine continues from the champion's weights with its table: faster, and it keeps what was
    learned. The result is evaluated and promoted like any other.

    A model with window features can be retrained on its event log: --from-events takes the events whose label is known,
    fraud where the latest label says so.

    Exit code: 0 promoted, or started as a challenger; 3 registered but not promoted; 2 invalid input; 1 failure.
    """
    from models.registry.live import CARD_PAGE, REPORT

    settings = read_settings()
    result = run_training(
        settings,
        domain,
        name=name,
        data=data,
        table=table,
        from_events=from_events,
        from_outcomes=from_outcomes,
        refine=refine,
        without_protected=without_protected,
        preset=preset,
        negative_sample_rate=negative_sample_rate,
        promote=promote,
        seed=seed,
    )
    folder = home_of(settings).bundles / result.digest
    documents = {"report": folder / REPORT, "card": folder / CARD_PAGE}
    print_result(_as_json(result, documents), _text(result, documents), as_json=as_json)
    if promote == "challenger":
        start_rollout(settings, result.name, result.version, why="trained as a challenger")
        console.remark(f"Version {result.version} of {result.name!r} now runs as a shadow of the champion.")
    elif result.promoted:
        hint_at_windows(settings, result.name)
    else:
        console.warn(f"version {result.version} of {result.name!r} was registered but not promoted: {result.why}")
        raise typer.Exit(NOT_PROMOTED)


def run_training(
    settings: Settings,
    domain_name: str,
    *,
    name: str | None,
    data: Path | None,
    table: str | None,
    from_events: bool = False,
    from_outcomes: bool = False,
    refine: bool = False,
    without_protected: bool = False,
    preset: PresetName | None,
    negative_sample_rate: float | None = None,
    promote: Promotion,
    seed: int,
) -> TrainingResult:
    """A training job with its progress shown; parameters as in `train`.

    Raises
    ------
    DataError
        The table or the rows are invalid.
    ModelError
        The name is taken by another domain or not allowed, the live version cannot be refined, another job holds the
        lock, or storing failed.
    """
    from models import retraining
    from models.names import checked_name
    from models.training.job import TrainingJob
    from models.training.rows import rows_to_train_on

    domain, home = domain_of(domain_name), home_of(settings)
    name = checked_name(name or domain.name)
    with TrainingProgress() as progress:
        progress.stage("Reading the rows")
        positives = None
        if from_events or from_outcomes:
            if data is not None or table is not None:
                option = "--from-events" if from_events else "--from-outcomes"
                raise CommandError(f"{option} cannot be combined with --data or --table")
            if from_events and from_outcomes:
                raise CommandError("--from-events cannot be combined with --from-outcomes")
            if from_events:
                rows, positives = _rows_of_events(settings, domain, name)
            else:
                rows = _rows_with_outcomes(settings, domain, name)
        else:
            rows = rows_to_train_on(
                domain,
                data=str(data) if data else None,
                table=table,
                home=home,
                data_home=settings.data_home,
                seed=seed,
            )
        job = TrainingJob(
            domain=domain,
            name=name,
            table=_unprotected(rows.table) if without_protected else rows.table,
            source=rows.source,
            split=rows.split,
            note=rows.note,
            refine=refine,
            preset=preset,
            seed=seed,
            negative_sample_rate=negative_sample_rate,
            promote=promote,
            actor=actor(),
        )
        with open_registry(settings) as registry:
            return retraining.train(
                job, rows.frame, home=home, registry=registry, progress=progress, positives=positives
            )


def _rows_of_events(settings: Settings, domain: Domain, name: str) -> tuple[TrainingRows, KnownPositives]:
    """Stored events with known labels, and when each of them was known to be positive."""
    from models.clock import utc_now
    from models.records.events.history import source_of, stored_rows, with_levels_of
    from models.training.rows import TrainingRows, split_for

    live = live_model(settings, name)
    with event_log(settings, live) as log:
        stored = stored_rows(log, utc_now())
    table = with_levels_of(live.table, stored.frame)
    rows = TrainingRows(table, stored.frame, source_of(name), split_for(table, domain))
    return rows, stored.positives


def _rows_with_outcomes(settings: Settings, domain: Domain, name: str) -> TrainingRows:
    """Recorded rows with known outcomes."""
    from models.clock import utc_now
    from models.training.outcome_rows import rows_with_outcomes

    live = live_model(settings, name)
    with prediction_log(settings) as log:
        return rows_with_outcomes(log.engine, name, live.table, domain, now=utc_now())


def hint_at_windows(settings: Settings, name: str) -> None:
    """Explain how to load past events, if the model has window features and none are stored."""
    from models.records.events.summary import stored_events_of

    live = live_model(settings, name)
    if not live.table.windows:
        return
    with event_log(settings, live) as log:
        if not stored_events_of(log.engine, name).n_events:
            console.remark(
                f"No events are stored yet for {name!r}'s window features: `backscore events load {name}` loads the "
                "rows of the training, or past rows from --data FILE."
            )


def _unprotected(table: Table) -> Table:
    """The table without protected inputs; warns if it marks none."""
    if not any(column.protected for column in table.columns):
        console.warn(f"--without-protected: table {table.name!r} marks no column as protected")
    return table.without_protected_inputs()


def _as_json(result: TrainingResult, documents: Mapping[str, Path]) -> dict[str, Any]:
    return {
        "name": result.name,
        "version": result.version,
        "promoted": result.promoted,
        "why": result.why,
        "metrics": dict(result.metrics),
        "seconds": round(result.seconds, 3),
        "contenders": {name: dict(metrics) for name, metrics in result.contenders.items()},
        "digest": result.digest,
        **documents,
    }


def _text(result: TrainingResult, documents: Mapping[str, Path]) -> Iterator[Part]:
    contenders = [{"name": name, **metrics} for name, metrics in result.contenders.items()]
    columns = {"on the test set": "name", **metric_columns(result.contenders.values())}
    yield listing(contenders, columns, title=f"{result.name}, version {result.version}")
    if result.promoted:
        yield Line(f"Version {result.version} of {result.name!r} is now the champion: {result.why}.")
    yield f"Trained in {result.seconds:.1f} s."
    yield f"Report: {documents['report']}"
    yield f"Model card: {documents['card']}"
