"""`backscore train`: from rows to a registered version."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from service.cli import console
from service.cli.commands import train_options as options
from service.cli.commands.rollout import start_rollout
from service.cli.commands.train_rows import RowSource, read_rows
from service.cli.console import Line, Part, listing, print_result, warning
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
from service.cli.exits import NOT_PROMOTED
from service.cli.progress import TrainingProgress

if TYPE_CHECKING:
    from data.table import Table
    from models.presets import PresetName
    from models.retraining import TrainingResult
    from service.settings import Settings


def train(
    domain: DomainName,
    name: options.Name = None,
    data: options.Data = None,
    table: options.TableName = None,
    from_events: options.FromEvents = False,
    from_outcomes: options.FromOutcomes = False,
    refine: options.Refine = False,
    without_protected: options.WithoutProtected = False,
    preset: options.Preset = None,
    promote: options.Promoted = "auto",
    negative_sample_rate: options.NegativeSampleRate = None,
    new_test_set: options.NewTestSet = False,
    allow_suspected_leak: options.AllowedLeaks = None,
    allow_request_change: options.RequestChange = False,
    seed: options.Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Train a model, evaluate it on a held-out test set, and promote it if it is good enough.

    Without --data and --table it trains on simulated rows. For your own file: run
    `backscore table infer my.csv --target COLUMN --out my.toml`, check my.toml, then run
    `backscore train DOMAIN --name my-model --table my.toml --data my.csv`.

    With newer rows, --refine continues from the champion's weights with its table: faster, and it keeps what was
    learned. The result is evaluated and promoted like any other.

    A model with window features can be retrained on its event log: --from-events takes the events whose label is known,
    positive where the latest label says so.

    --from-outcomes takes the recorded predictions whose outcome is known; where outcomes are corrections, as of
    messages, they are added to the rows that the champion was trained on: name these again with --table and --data.

    Exit code: 0 promoted, or started as a challenger; 3 registered but not promoted; 2 invalid input; 1 failure.
    """
    settings = read_settings()
    result = run_training(
        settings,
        domain,
        RowSource(data=data, table=table, from_events=from_events, from_outcomes=from_outcomes),
        name=name,
        refine=refine,
        without_protected=without_protected,
        preset=preset,
        negative_sample_rate=negative_sample_rate,
        promote=promote,
        new_test_set=new_test_set,
        allowed_leaks=tuple(allow_suspected_leak or ()),
        allow_request_change=allow_request_change,
        seed=seed,
    )
    documents = _documents(settings, result)
    print_result(_as_json(result, documents), _text(result, documents), as_json=as_json)
    _conclude(settings, result, promote)


def _documents(settings: Settings, result: TrainingResult) -> dict[str, Path]:
    from models.registry.live import CARD_PAGE, REPORT

    folder = home_of(settings).bundles / result.digest
    return {"report": folder / REPORT, "card": folder / CARD_PAGE}


def _conclude(settings: Settings, result: TrainingResult, promote: options.Promotion) -> None:
    """Start the rollout of a challenger, or say what became of the version; exits with NOT_PROMOTED."""
    if promote == "challenger" and not result.suspected_leaks:
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
    source: RowSource,
    *,
    name: str | None = None,
    refine: bool = False,
    without_protected: bool = False,
    preset: PresetName | None,
    negative_sample_rate: float | None = None,
    promote: options.Promotion,
    new_test_set: bool = False,
    allowed_leaks: tuple[str, ...] = (),
    allow_request_change: bool = False,
    seed: int,
    label: str = "",
) -> TrainingResult:
    """A training job with its progress shown; parameters as in `train`.

    Parameters
    ----------
    label : before each line of progress, where other jobs write theirs as well.

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

    domain, home = domain_of(domain_name), home_of(settings)
    name = checked_name(name or domain.name)
    with TrainingProgress(label) as progress:
        progress.stage("Reading the rows")
        rows, positives = read_rows(settings, domain, name, source, seed=seed)
        job = TrainingJob(
            domain=domain,
            name=name,
            table=_unprotected(rows.table) if without_protected else rows.table,
            source=rows.source,
            split=rows.split,
            note=rows.note,
            n_train_only=rows.n_train_only,
            refine=refine,
            preset=preset,
            seed=seed,
            negative_sample_rate=negative_sample_rate,
            promote=promote,
            new_test_set=new_test_set,
            allowed_leaks=allowed_leaks,
            allow_request_change=allow_request_change,
            sentences=settings.sentences,
            actor=actor(),
        )
        with open_registry(settings) as registry:
            return retraining.train(
                job, rows.frame, home=home, registry=registry, progress=progress, positives=positives
            )


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
        "suspected_leaks": dict(result.suspected_leaks),
        "contenders": {name: dict(metrics) for name, metrics in result.contenders.items()},
        "digest": result.digest,
        **documents,
    }


def _text(result: TrainingResult, documents: Mapping[str, Path]) -> Iterator[Part]:
    for column, why in result.suspected_leaks.items():
        yield warning(f"suspected leak: {column!r} {why}")
    contenders = [{"name": name, **metrics} for name, metrics in result.contenders.items()]
    columns = {"on the test set": "name", **metric_columns(result.contenders.values())}
    yield listing(contenders, columns, title=f"{result.name}, version {result.version}")
    if result.promoted:
        yield Line(f"Version {result.version} of {result.name!r} is now the champion: {result.why}.")
    yield f"Trained in {result.seconds:.1f} s."
    yield f"Report: {documents['report']}"
    yield f"Model card: {documents['card']}"
