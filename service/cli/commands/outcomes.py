"""`backscore outcomes` and `backscore performance`: what became of predictions, and what they were worth by it."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

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

    told, settings = outcomes_of(file), read_settings()
    labelled = _labelled(settings)
    with prediction_log(settings) as log:
        taken = OutcomeStore(log.engine).take(told, key_id="", labelled=labelled)
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


def _labelled(settings: Settings) -> frozenset[str]:
    """Models whose outcomes are labels of their events instead."""
    from models.registry.bundles import read_manifest

    with open_registry(settings) as registry:
        champions = registry.champions()
    bundles = home_of(settings).bundles
    return frozenset(name for name, one in champions.items() if read_manifest(bundles, one.digest).table.windows)


def outcomes_of(file: Path) -> list[Outcome]:
    """The outcomes of a file; CommandError names the row, the column and the value that cannot be read."""
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
        if spelled not in SPELLED:
            raise CommandError(f"{file}: row {row}, column 'outcome': {outcome!r} must be 1, 0 or empty")
        try:
            at = None if pd.isna(observed) else pd.Timestamp(observed)
            at = at.tz_localize("UTC") if at is not None and at.tzinfo is None else at
        except (ValueError, TypeError):
            raise CommandError(
                f"{file}: row {row}, column 'observed': {observed!r} must be a time (ISO 8601)"
            ) from None
        told.append(Outcome(str(name), SPELLED[spelled], None if at is None else at.to_pydatetime()))
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
    headings = ("week of", "predictions", "known", "AUC", "expected AUC", "log-loss", "expected log-loss", "events")
    rows = [_cells(period, f"{period.since}") for period in found.by_week]
    if found.total is not None:
        rows.append(_cells(found.total, "all matured"))
    console.results.print(console.table_of(headings, rows, title=f"{name}, matured after {found.maturity_days:g} days"))
    console.remark(found.note)


def _cells(period: Period, title: str) -> tuple[Any, ...]:
    realised = period.realised
    return (
        title,
        f"{period.n_predictions:,}",
        f"{period.n_known:,}",
        _shown(realised.auc) if realised else "not yet",
        _shown(period.expected.auc),
        _shown(realised.log_loss) if realised else "not yet",
        _shown(period.expected.log_loss),
        "" if realised is None or realised.event_rate is None else f"{realised.event_rate:.1%}",
    )


def _shown(measure: Measure) -> str:
    if measure.value is None:
        return "too few"
    return f"{measure.value:.3f} ({measure.low:.3f} to {measure.high:.3f})"
