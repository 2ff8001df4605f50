"""`backscore events`: the event log behind window features: load, label, count and export."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import console
from service.cli.console import Cell, Line, Part, comparison, print_result
from service.cli.context import (
    AsJson,
    ModelName,
    PastData,
    PastTable,
    event_log,
    home_of,
    live_model,
    open_registry,
    read_settings,
)
from service.cli.progress import RowsProgress
from service.cli.row_files import TimeFormat, check_target, format_of_times, write_rows

if TYPE_CHECKING:
    from models.contract import AlertWords, LiveModel
    from models.records.events.summary import StoredEvents
    from models.records.outcomes.ledger import Outcome
    from models.registry.bundles import Manifest
    from service.settings import Settings

app = typer.Typer(
    help="The event log behind window features: load past events, label, count and export them.",
    no_args_is_help=True,
)


SHOWN_IDS = 5


@app.command()
def load(
    name: ModelName,
    data: PastData = None,
    table: PastTable = None,
    until: Annotated[
        datetime | None, typer.Option(metavar="TIME", help="Skip rows from this time on (ISO 8601, UTC).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Load past rows, so that the window features of new events have a history.

    Without --data and --table these are the rows that the live version was trained on, if still available. Rows beyond
    the reach of every window are skipped, and stored rows are not loaded twice.
    """
    settings = read_settings()
    live = live_model(settings, name)
    n_rows, n_new = load_rows(settings, live, data=data, table=table, until=until)
    text = Line(f"{n_new:,} of {n_rows:,} rows loaded into the event log of {name!r}.")
    print_result({"name": name, "n_rows": n_rows, "n_new": n_new}, [text], as_json=as_json)


def load_rows(
    settings: Settings, live: LiveModel, *, data: Path | None, table: str | None, until: datetime | None
) -> tuple[int, int]:
    """Load past rows into the event log of a live model; returns the number of rows, and of new ones.

    Raises
    ------
    CommandError
        The table of the model has no windows.
    DataError
        The rows are not available, or invalid for the model's table.
    """
    from data.checking import checked_frame
    from models.backtesting.past_rows import named_rows
    from models.records.events.backfill import load_past

    rows = named_rows(
        live,
        _manifest(settings, live),
        data=str(data) if data else None,
        table=table,
        home=home_of(settings),
        data_home=settings.data_home,
    )
    with event_log(settings, live) as log:
        frame = checked_frame(live.table, rows.frame, rows.source, training=True)
        if until is not None:
            frame = frame[frame[log.time_name] < until]
        with RowsProgress(None) as progress:
            n_new = load_past(
                log,
                frame,
                live.table.labels(frame),
                label_delay_days=live.table.label_delay_days,
                watcher=progress,
            )
    return len(frame), n_new


@app.command()
def labels(
    name: ModelName,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="CSV or parquet file with columns event_id, positive (or the domain's word for it) and, optionally,"
            " known_at.",
        ),
    ],
    time_format: TimeFormat = None,
    as_json: AsJson = False,
) -> None:
    """Label events: positive yes or no, known now or since known_at.

    A repeated label changes nothing; a new label of an event holds from when it is known.
    """
    from models.clock import utc_now
    from models.records.outcomes.events import take_labels

    settings = read_settings()
    live = live_model(settings, name)
    found = _labels_of(file, live.positive_word, time_format)
    with event_log(settings, live) as log:
        n_new, unknown = take_labels(log.engine, name, found, now=utc_now())
    if unknown:
        shown = ", ".join(unknown[:SHOWN_IDS]) + (", ..." if len(unknown) > SHOWN_IDS else "")
        console.warn(f"{len(unknown):,} of the events are not stored, or no longer: {shown}")
    print_result(
        {"name": name, "n_labels": len(found), "n_new": n_new, "unknown": unknown},
        [Line(f"{n_new:,} of {len(found):,} labels are new.")],
        as_json=as_json,
    )


@app.command()
def show(name: ModelName, as_json: AsJson = False) -> None:
    """Show number, period and labels of the stored events."""
    from models.records.events.summary import stored_events_of

    settings = read_settings()
    live = live_model(settings, name)
    with event_log(settings, live) as log:
        stored = stored_events_of(log.engine, name)
    text = _stored_text(name, stored, live.domain.alert_words)
    print_result({"name": name, **asdict(stored)}, [text], as_json=as_json)


def _stored_text(name: str, stored: StoredEvents, words: AlertWords) -> Part:
    if not stored.n_events:
        return f"No events of {name!r} are stored; `backscore events load {name}` loads past ones."
    figures: Mapping[str, Cell] = {
        "events": lambda one: f"{one.n_events:,}, {one.n_answered:,} of them scored",
        "from": "first",
        "to": "last",
        "kept from": lambda one: one.kept_from or "the first",
        "labels": lambda one: (
            f"{one.n_labels:,}: {one.n_frauds:,} {words.positive}, {one.n_genuine:,} {words.negative}"
        ),
    }
    return comparison({f"stored events of {name} (UTC)": stored}, figures)


@app.command()
def export(
    name: ModelName,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write, .csv, .csv.gz or .parquet.")],
    as_json: AsJson = False,
) -> None:
    """Export stored events with their labels: rows of the model's table, to train or to test on.

    Events younger than the label delay are left out, as their outcome is not known yet. Events without a
    label count as negative.
    """
    from models.clock import utc_now
    from models.records.events.history import stored_rows

    settings = read_settings()
    check_target(file)
    with event_log(settings, live_model(settings, name)) as log:
        rows = stored_rows(log, utc_now())
    write_rows(rows.frame, file)
    n_frauds = len(set(rows.positives.row.tolist()))
    print_result(
        {"name": name, "file": file, "n_rows": len(rows.frame), "n_frauds": n_frauds},
        [f"{len(rows.frame):,} stored events of {name!r} in {file}"],
        as_json=as_json,
    )


def _manifest(settings: Settings, live: LiveModel) -> Manifest:
    from models.registry.bundles import read_manifest

    with open_registry(settings) as registry:
        return read_manifest(home_of(settings).bundles, registry.version(live.name, live.version).digest)


def _labels_of(file: Path, word: str, time_format: str | None) -> list[Outcome]:
    """The labels in a file, in the column `positive` or one of that word; an error names every invalid value."""
    from data.checking import checked_frame
    from data.column import Column
    from data.files.sources import read_frame
    from data.table import Table
    from models.records.outcomes.ledger import Outcome

    frame = read_frame(file)
    label = "positive" if "positive" in frame else word
    known_at = Column(
        name="known_at", kind="time", optional=True, format=format_of_times(frame, "known_at", time_format)
    )
    columns = (Column(name="event_id", kind="key"), Column(name=label, kind="flag"), known_at)
    checked = checked_frame(Table(name="labels", columns=columns), frame, str(file), training=False)
    known = checked["known_at"].astype(object).where(checked["known_at"].notna(), None)
    return [
        Outcome(event_id, positive == "1", known_at, "feedback")
        for event_id, positive, known_at in zip(checked["event_id"], checked[label], known, strict=True)
    ]
