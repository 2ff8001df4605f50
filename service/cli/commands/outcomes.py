"""`backscore outcomes` and `backscore performance`: outcomes of predictions, and live performance."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import console
from service.cli.commands.audit import prediction_log
from service.cli.console import Cell, Line, Part, Remark, listing, print_result
from service.cli.context import AsJson, ModelName, home_of, live_model, open_registry, read_settings
from service.cli.exits import FAILURE, CommandError
from service.cli.row_files import TimeFormat, format_of_times, warn_of_formulas

if TYPE_CHECKING:
    from models.contract import LiveModel
    from models.evaluation.measures import Measure
    from models.monitoring.inbox import InboxItems
    from models.monitoring.performance.weekly import Performance, Period
    from models.records.outcomes.ledger import Outcome
    from models.records.outcomes.predictions import Target
    from service.settings import Settings

app = typer.Typer(help="Load the outcomes of predictions.", no_args_is_help=True)

SHOWN = 5
MAX_REQUESTED = 1_000
COLUMNS = ("prediction_id", "outcome", "observed")
NEAR = "near"
"""The column by which a file of the inbox is told from others: its empty outcomes were never filled in."""


@app.command()
def load(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="CSV or parquet file with columns prediction_id, outcome and, optionally, observed.",
        ),
    ],
    time_format: TimeFormat = None,
    as_json: AsJson = False,
) -> None:
    """Load outcomes from a file: 1, true or yes; 0, false or no; empty withdraws an earlier outcome.

    A repeated outcome changes nothing; of several, the one observed last holds. In a file of `outcomes inbox`, which
    has a column near, rows with an empty outcome are left out.

    Exit code: 1 if every outcome was rejected.
    """
    from models.clock import utc_now
    from models.records.outcomes.predictions import take_outcomes

    settings = read_settings()
    targets = _targets(settings)
    of_events = all(task is None or task.is_binary for task, _ in targets.values())
    told, n_left_out = outcomes_of(file, of_events=of_events, time_format=time_format)
    with prediction_log(settings) as log:
        taken = take_outcomes(log.engine, list(told.values()), now=utc_now(), targets=targets)
    rows = list(told)
    problems = [
        {"row": rows[place], "field": field, "problem": what} for place, (field, what) in sorted(taken.problems.items())
    ]
    if problems:
        shown = [f"  row {one['row']}: {one['field']} {one['problem']}" for one in problems]
        more = [f"  and {len(shown) - SHOWN:,} more"] if len(shown) > SHOWN else []
        console.warn("\n".join([f"{len(shown):,} outcomes were rejected:", *shown[:SHOWN], *more]))
    n_empty = sum(one.value is None for one in told.values())
    lines = [Line(f"{taken.n_new:,} of {len(told):,} outcomes are new.")]
    if n_left_out:
        lines.append(Line(f"Rows without an outcome, left out: {n_left_out:,}."))
    if n_empty:
        lines.append(Line(f"Empty outcomes, which withdraw earlier ones: {n_empty:,}."))
    counts = {"n_outcomes": len(told), "n_new": taken.n_new, "n_empty": n_empty, "n_left_out": n_left_out}
    print_result({**counts, "problems": problems}, lines, as_json=as_json)
    if told and len(problems) == len(told):
        raise typer.Exit(FAILURE)


@app.command()
def inbox(
    name: ModelName,
    out: Annotated[
        Path | None, typer.Option("--out", help="CSV file to write: fill in its column outcome, and load it.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=MAX_REQUESTED, help="Number of rows to show.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List rows that the model refused and nobody has labelled, the most frequent first.

    Labels go to `backscore outcomes load`, POST /v1/outcomes, or the page /models/NAME/inbox.
    """
    from models.monitoring.inbox import inbox as find

    settings = read_settings()
    live = live_model(settings, name)
    with prediction_log(settings) as log:
        found = find(log.engine, live, limit=limit)
    if out is not None:
        _write_inbox(found, out)
    if found.why_empty:
        console.warn(f"nothing can be labelled: {found.why_empty}")
    print_result(found, _inbox_text(found), as_json=as_json)


def _inbox_text(found: InboxItems) -> Iterator[Part]:
    if found.items:
        yield listing(found.items, _ITEM)
    yield Remark(f"{found.title}: {len(found.items):,} to label.")


def _write_inbox(found: InboxItems, out: Path) -> None:
    """A row for each prediction, with an empty outcome to fill in."""
    import pandas as pd
    import pyarrow as pa

    from data.files.formulas import n_formulas

    lines = [
        {"prediction_id": one, "outcome": None, **item.row, NEAR: ", ".join(choice.level for choice in item.near)}
        for item in found.items
        for one in item.ids
    ]
    frame = pd.DataFrame(lines, columns=None if lines else [*COLUMNS[:2], NEAR])
    frame.to_csv(out, index=False)
    warn_of_formulas(n_formulas(pa.Table.from_pandas(frame, preserve_index=False)), out)


def _targets(settings: Settings) -> dict[str, Target]:
    """What each live model predicts; None stands for the task of a domain that is not installed."""
    from models.domains._discovery import load_domains
    from models.registry.bundles import read_manifest

    with open_registry(settings) as registry:
        champions = registry.champions()
    bundles = home_of(settings).bundles
    tasks = {name: domain.task for name, domain in load_domains().items()}
    return {name: (tasks.get(one.domain), read_manifest(bundles, one.digest).table) for name, one in champions.items()}


def outcomes_of(file: Path, *, of_events: bool, time_format: str | None = None) -> tuple[dict[int, Outcome], int]:
    """The outcomes in a file by row, from 1, and how many empty rows of an inbox were left out.

    An error names every row, column and value that cannot be read.

    Parameters
    ----------
    of_events : whether all are binary; otherwise they stay texts, which their models read.
    time_format : of the column observed, see `data.table.Column`; None finds it.
    """
    from data.checking import checked_frame
    from data.column import Column
    from data.files.sources import read_frame
    from data.table import Table
    from models.records.outcomes.ledger import Outcome

    frame = read_frame(file)
    if absent := [name for name in COLUMNS[:2] if name not in frame.columns]:
        raise CommandError(f"{file}: missing column(s) {', '.join(absent)}")
    outcome = Column(name="outcome", kind="flag" if of_events else "key", optional=True)
    observed = Column(
        name="observed", kind="time", optional=True, format=format_of_times(frame, "observed", time_format)
    )
    described = Table(name="outcomes", columns=(Column(name="prediction_id", kind="key"), outcome, observed))
    checked = checked_frame(described, frame, str(file), training=False)
    checked = checked.astype(object).where(checked.notna(), None)
    told = {
        row: Outcome(name, value if value is None or not of_events else value == "1", at and at.tz_localize("UTC"))
        for row, (name, value, at) in enumerate(checked.itertuples(index=False), start=1)
    }
    # nobody withdraws by an inbox: an empty row would take back what a colleague has labelled in the meantime
    kept = {row: one for row, one in told.items() if NEAR not in frame.columns or one.value is not None}
    return kept, len(told) - len(kept)


def performance(
    name: ModelName,
    weeks: Annotated[int, typer.Option(min=1, help="Weeks to look back.")] = 12,
    maturity_days: Annotated[
        float | None,
        typer.Option(min=0, help="Days until an outcome is final; default: the model's own."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show live performance by week: observed, by final outcomes, and expected, by the predicted probabilities."""
    from models.clock import utc_now
    from models.monitoring.performance.weekly import performance as judge

    settings = read_settings()
    live = live_model(settings, name)
    with prediction_log(settings) as log:
        found = judge(log.engine, live, now=utc_now(), weeks=weeks, maturity_days=maturity_days)
    print_result(found, _performance_text(live, found), as_json=as_json)


def _performance_text(live: LiveModel, found: Performance) -> Iterator[Part]:
    if not found.by_week:
        yield Remark(f"No predictions of {live.name!r} are recorded in this period.")
        return
    task = live.domain.task
    columns = dict(_PERIOD)
    titles = {metric.key: metric.title for metric in task.metrics}
    for key in task.live_metrics:
        columns |= {titles[key]: _realised(key), f"expected {titles[key]}": _expected(key)}
    if task.is_binary:
        columns["events"] = _event_rate
    periods = [(f"{period.since}", period) for period in found.by_week]
    if found.total is not None:
        periods.append(("all matured", found.total))
    yield listing(periods, columns, title=f"{live.name}, matured after {found.maturity_days:g} days")
    yield Remark(found.note)


def _shown(measure: Measure | None) -> str:
    if measure is None:
        return "–"
    if measure.value is None:
        return "too few"
    return f"{measure.value:.3f} ({measure.low:.3f} to {measure.high:.3f})"


def _realised(name: str) -> Cell:
    def shown(row: tuple[str, Period]) -> str:
        realised = row[1].realised
        return _shown(getattr(realised, name)) if realised else "not yet"

    return shown


def _expected(name: str) -> Cell:
    return lambda row: _shown(getattr(row[1].expected, name, None))


def _event_rate(row: tuple[str, Period]) -> str | None:
    realised = row[1].realised
    return None if realised is None or realised.event_rate is None else f"{realised.event_rate:.1%}"


_ITEM: Mapping[str, Cell] = {
    "id": lambda item: item.ids[0],
    "n": "n",
    "row": "text",
    "near": lambda item: ", ".join(choice.level for choice in item.near),
}
_PERIOD: Mapping[str, Cell] = {
    "week of": lambda row: row[0],
    "predictions": lambda row: f"{row[1].n_predictions:,}",
    "known": lambda row: f"{row[1].n_known:,}",
}
