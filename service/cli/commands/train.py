"""`backscore train`: from rows to a registered version."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from models.evaluation.metric_tables import metrics_of
from models.presets import PresetName
from service.cli import console
from service.cli.commands.audit import prediction_log
from service.cli.commands.rollout import start_rollout
from service.cli.context import (
    AsJson,
    DomainName,
    actor,
    domain_of,
    event_log,
    home_of,
    live_model,
    open_registry,
    read_settings,
)
from service.cli.exits import NOT_PROMOTED, CommandError
from service.cli.progress import TrainingProgress

if TYPE_CHECKING:
    from data.table import Table
    from data.windows import KnownPositives
    from models.contract import Domain
    from models.retraining import TrainingResult
    from models.training.rows import TrainingRows
    from service.settings import Settings

Promotion: TypeAlias = Literal["auto", "always", "never", "challenger"]


def train(
    domain: DomainName,
    name: Annotated[
        str | None, typer.Option(help="Name of the model and of its endpoint; the domain's name if left out.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="CSV or parquet file with the rows to train on.")] = None,
    table: Annotated[
        str | None,
        typer.Option(
            help="What the columns mean: a TOML file (`backscore table infer` writes one),"
            " or the name of a public table (`backscore data list`), which brings its own rows."
        ),
    ] = None,
    from_events: Annotated[
        bool,
        typer.Option(
            "--from-events",
            help="Train on the stored events of the live version of this name, once their outcome is known.",
        ),
    ] = False,
    from_outcomes: Annotated[
        bool,
        typer.Option(
            "--from-outcomes",
            help="Train on the recorded rows of the live version of this name, once their outcome is known.",
        ),
    ] = False,
    refine: Annotated[
        bool,
        typer.Option("--refine", help="Go on from the weights of the live version, with rows that it has not seen."),
    ] = False,
    without_protected: Annotated[
        bool,
        typer.Option(
            "--without-protected",
            help="Read none of the columns that the table marks as protected; reports on fairness still know them."
            " Campaigns for housing, employment or credit are ranked by such a model alone.",
        ),
    ] = False,
    preset: Annotated[
        PresetName | None,
        typer.Option(help="How much time to spend. If left out: balanced; with --refine that of the live version."),
    ] = None,
    promote: Annotated[
        Promotion,
        typer.Option(
            help="Let the new version answer: if it is not worse than the present one, always, or never; or let it "
            "look on as a challenger in the shadow of the present one, see `backscore rollout`."
        ),
    ] = "auto",
    negative_sample_rate: Annotated[
        float | None,
        typer.Option(
            "--negative-sample-rate",
            "--keep-negatives",
            help="Learn from this share of the rows without the event, above 0 up to 1, where events are rare;"
            " probabilities are corrected for it. If left out: all; with --refine the share of the live version.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random; equal seeds give equal models.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Train a model, judge it on rows it has not seen, and let it answer if it is good enough.

    Without --data and --table it trains on simulated rows, so that there is something to try at once. For a file of
    your own: `backscore table infer my.csv --target COLUMN --out my.toml`, look through my.toml, then
    `backscore train DOMAIN --name my-model --table my.toml --data my.csv`.

    When newer rows have come in, --refine goes on from the live version instead of anew, with the same table: quicker,
    and it keeps what was learned before. The result is judged and promoted as any other.

    A live version whose windows look back on stored events can be followed by one that learns from them: --from-events
    takes those whose outcome is known, fraud where the latest label says so.

    Exit code: 0 the new version answers from now on, or challenges if it was trained for that, 3 it was registered but
    not promoted, 2 the rows or the table are not in order, 1 something failed.
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
    if as_json:
        console.print_json(_as_json(result, documents))
    else:
        _print_result(result, documents)
    if promote == "challenger":
        start_rollout(settings, result.name, result.version, why="trained as a challenger")
        console.remark(f"Version {result.version} of {result.name!r} looks on in the champion's shadow from now on.")
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
    """One training job with its progress shown; parameters as those of `train`.

    Raises
    ------
    DataError
        The table or the rows are not in order.
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
                raise CommandError(f"{option} brings rows and table with it; leave --data and --table out")
            if from_events and from_outcomes:
                raise CommandError("--from-events and --from-outcomes both bring rows; name one of them")
            if from_events:
                rows, positives = _rows_of_events(settings, domain, name)
            else:
                rows = _rows_with_outcomes(settings, domain, name)
        else:
            rows = rows_to_train_on(
                domain,
                data=None if data is None else str(data),
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
    """Stored events whose outcome is known, and when which of them were known to be positive."""
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
    """Recorded rows whose outcome is known."""
    from models.clock import utc_now
    from models.training.outcome_rows import rows_with_outcomes

    live = live_model(settings, name)
    with prediction_log(settings) as log:
        return rows_with_outcomes(log.engine, name, live.table, domain, now=utc_now())


def hint_at_windows(settings: Settings, name: str) -> None:
    """Say how to load the past, if the live version looks back on events and none are stored."""
    from models.records.events.summary import stored_events_of

    live = live_model(settings, name)
    if not live.table.windows:
        return
    with event_log(settings, live) as log:
        if not stored_events_of(log.engine, name).n_events:
            console.remark(
                f"Windows of {name!r} look back on stored events, and there are none yet: "
                f"`backscore events load {name}` loads the past, from --data FILE if it is not that of the training."
            )


def _unprotected(table: Table) -> Table:
    """The table without protected inputs; says so if it marks none, which may be an oversight."""
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


def _print_result(result: TrainingResult, documents: Mapping[str, Path]) -> None:
    shown = metrics_of(result.contenders.values(), headline=True)
    rows = [(name, *(found.get(metric.key) for metric in shown)) for name, found in result.contenders.items()]
    headings = ("on the test rows", *(metric.title for metric in shown))
    console.results.print(console.table_of(headings, rows, title=f"{result.name}, version {result.version}"))
    if result.promoted:
        console.say(f"Version {result.version} of {result.name!r} answers from now on: {result.why}.", style="green")
    console.say(f"Trained in {result.seconds:.1f} s.")
    console.say(f"Report: {documents['report']}")
    console.say(f"Model card: {documents['card']}")
