"""`backscore outcomes` and `backscore performance`: what became of predictions, and what they were worth by it."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli import console
from service.cli.commands.audit import prediction_log
from service.cli.context import AsJson, home_of, live_model, open_registry, read_settings
from service.cli.exits import FAILURE, CommandError

if TYPE_CHECKING:
    from models.evaluation.measures import Measure
    from models.monitoring.performance.weekly import Period
    from models.records.outcomes import Outcome
    from service.settings import Settings

app = typer.Typer(help="Tell what became of predictions.", no_args_is_help=True)

SHOWN = 5
COLUMNS = ("prediction_id", "outcome", "observed")
SPELLED = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": None}


@app.command()
def load(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="CSV or parquet file with the columns prediction_id, outcome and, if wanted, observed."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Take outcomes from a file: 1, true or yes, 0, false or no, and empty to take back what was said before.

    An outcome that repeats what is known changes nothing; of several the one that was observed last holds.

    Exit code: 1 if none was taken although there are some.
    """
    from models.records.outcomes import OutcomeStore

    settings = read_settings()
    labelled, read = _targets(settings)
    told = outcomes_of(file, of_events=not read)
    with prediction_log(settings) as log:
        taken = OutcomeStore(log.engine).take(told, key_id="", labelled=labelled, read=read)
    if taken.problems:
        shown = [f"  row {place + 1}: {field} {what}" for place, (field, what) in sorted(taken.problems.items())]
        more = [f"  and {len(shown) - SHOWN:,} more"] if len(shown) > SHOWN else []
        console.warn("\n".join([f"{len(shown):,} outcomes were not taken:", *shown[:SHOWN], *more]))
    if as_json:
        problems = [
            {"row": place + 1, "field": field, "problem": what}
            for place, (field, what) in sorted(taken.problems.items())
        ]
        console.print_json({"n_outcomes": len(told), "n_new": taken.n_new, "problems": problems})
    else:
        console.say(f"{taken.n_new:,} of {len(told):,} outcomes said something new.", style="green")
    if told and len(taken.problems) == len(told):
        raise typer.Exit(FAILURE)


def _targets(settings: Settings) -> tuple[frozenset[str], dict[str, Callable[[Any], Any]]]:
    """Models whose outcomes are labels of their events instead, and how outcomes are read of those without an event."""
    from models.domains._discovery import load_domains
    from models.registry.bundles import read_manifest

    with open_registry(settings) as registry:
        champions = registry.champions()
    bundles = home_of(settings).bundles
    tables = {name: read_manifest(bundles, one.digest).table for name, one in champions.items()}
    tasks = {name: domain.task for name, domain in load_domains().items()}
    of_models = {name: tasks[one.domain] for name, one in champions.items() if one.domain in tasks}
    read: dict[str, Callable[[Any], Any]] = {
        name: partial(task.read_outcome, tables[name]) for name, task in of_models.items()
    }
    labelled = frozenset(name for name, table in tables.items() if table.windows)
    return labelled, {} if all(task.is_binary for task in of_models.values()) else read


def outcomes_of(file: Path, *, of_events: bool) -> list[Outcome]:
    """The outcomes of a file; CommandError names the row, the column and the value that cannot be read.

    Parameters
    ----------
    of_events : whether all tell if an event happened; otherwise they stay texts, which their models read.
    """
    import pandas as pd

    from data.files.sources import read_frame
    from models.records.outcomes import Outcome

    frame = read_frame(file)
    if absent := [name for name in COLUMNS[:2] if name not in frame.columns]:
        raise CommandError(f"{file}: lacks the column(s) {', '.join(absent)}")
    told = []
    for row, (name, outcome, observed) in enumerate(
        zip(*(frame.get(name, pd.Series([None] * len(frame))) for name in COLUMNS), strict=True), start=1
    ):
        spelled = "" if pd.isna(outcome) else str(outcome).strip().lower().removesuffix(".0")
        if of_events and spelled not in SPELLED:
            raise CommandError(f"{file}: row {row}, column 'outcome': {outcome!r} must be 1, 0 or empty")
        try:
            at = None if pd.isna(observed) else pd.Timestamp(observed)
            at = at.tz_localize("UTC") if at is not None and at.tzinfo is None else at
        except (ValueError, TypeError):
            raise CommandError(
                f"{file}: row {row}, column 'observed': {observed!r} must be a time (ISO 8601)"
            ) from None
        value = SPELLED[spelled] if of_events else str(outcome).strip() if spelled else None
        told.append(Outcome(str(name), value, None if at is None else at.to_pydatetime()))
    return told


def performance(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the model, as in its endpoint.")],
    weeks: Annotated[int, typer.Option(min=1, help="How far back to look.")] = 12,
    maturity_days: Annotated[
        float | None, typer.Option(min=0, help="Age at which an outcome counts as known; the model's own if left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show how good live predictions were: by known outcomes, and before by their own probabilities, week by week."""
    from models.clock import utc_now
    from models.monitoring.performance.weekly import performance as judge

    settings = read_settings()
    live = live_model(settings, name)
    with prediction_log(settings) as log:
        found = judge(log.engine, live, now=utc_now(), weeks=weeks, maturity_days=maturity_days)
    if as_json:
        console.print_json(found.model_dump(mode="json"))
        return
    if not found.by_week:
        console.remark(f"No predictions of {name!r} are recorded in these weeks.")
        return
    task = live.domain.task
    titles = {metric.key: metric.title for metric in task.metrics}
    measured = [heading for key in task.live_metrics for heading in (titles[key], f"expected {titles[key]}")]
    rows = [_cells(period, f"{period.since}", task.live_metrics) for period in found.by_week]
    if found.total is not None:
        rows.append(_cells(found.total, "all matured", task.live_metrics))
    headings = ("week of", "predictions", "known", *measured, *(["events"] if task.is_binary else []))
    rows = [cells if task.is_binary else cells[:-1] for cells in rows]
    console.results.print(console.table_of(headings, rows, title=f"{name}, matured after {found.maturity_days:g} days"))
    console.remark(found.note)


def _cells(period: Period, title: str, keys: Sequence[str]) -> tuple[Any, ...]:
    realised = period.realised
    return (
        title,
        f"{period.n_predictions:,}",
        f"{period.n_known:,}",
        *(
            text
            for key in keys
            for text in (
                _shown(getattr(realised, key)) if realised else "not yet",
                _shown(getattr(period.expected, key, None)),
            )
        ),
        "" if realised is None or realised.event_rate is None else f"{realised.event_rate:.1%}",
    )


def _shown(measure: Measure | None) -> str:
    if measure is None:
        return "–"
    if measure.value is None:
        return "too few"
    return f"{measure.value:.3f} ({measure.low:.3f} to {measure.high:.3f})"
