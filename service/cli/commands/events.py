"""`backscore events`: what the windows of a model look back on; loaded, labelled, counted, written into a file."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import console
from service.cli.context import AsJson, event_log, home_of, live_model, open_registry, read_settings
from service.cli.progress import RowsProgress
from service.cli.row_files import check_target, write_rows

if TYPE_CHECKING:
    from models.contract import LiveModel
    from models.records.events.labels import Label
    from models.registry.bundles import Manifest
    from service.settings import Settings

app = typer.Typer(
    help="Stored events: load the past that windows look back on, say what became of events, write them into a file.",
    no_args_is_help=True,
)

ModelName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the model, as in its endpoint.")]

SHOWN_IDS = 5


@app.command()
def load(
    name: ModelName,
    data: Annotated[Path | None, typer.Option(help="CSV or parquet file with past rows and their outcome.")] = None,
    table: Annotated[str | None, typer.Option(help="Name of a public table to take past rows from.")] = None,
    until: Annotated[
        datetime | None, typer.Option(metavar="TIME", help="Leave out rows from this time on (ISO 8601, UTC).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Load past rows, so that the windows of new events begin full instead of empty.

    Without --data and --table these are the rows that the live version was trained on, where they can be had again.
    Rows that no window can reach any more are left out; those that are stored already are not loaded twice.
    """
    settings = read_settings()
    live = live_model(settings, name)
    n_rows, n_new = load_rows(settings, live, data=data, table=table, until=until)
    if as_json:
        console.print_json({"name": name, "n_rows": n_rows, "n_new": n_new})
    else:
        console.say(f"{n_new:,} of {n_rows:,} rows loaded into the store of {name!r}.", style="green")


def load_rows(
    settings: Settings, live: LiveModel, *, data: Path | None, table: str | None, until: datetime | None
) -> tuple[int, int]:
    """Load past rows into the store of a live model; returns how many there are, and how many were new to it.

    Raises
    ------
    CommandError
        The table of the model has no windows.
    DataError
        The rows cannot be had, or break rules of the model's table.
    """
    from data.checking import checked_frame
    from models.backtesting.past_rows import named_rows
    from models.records.events.backfill import load_past

    rows = named_rows(
        live,
        _manifest(settings, live),
        data=None if data is None else str(data),
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
            help="CSV or parquet file with the columns event_id, positive (or the model's own word, such as fraud) and,"
            " optionally, known_at.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Say what became of events: positive yes or no, known now or since known_at.

    A label that repeats what is known changes nothing; another one for the same event holds from when it is known.
    """
    from models.records.events.labels import take_labels

    settings = read_settings()
    live = live_model(settings, name)
    found = _labels_of(file, live.positive_word)
    with event_log(settings, live) as log:
        n_new, unknown = take_labels(log.engine, name, found)
    if unknown:
        shown = ", ".join(unknown[:SHOWN_IDS]) + (", ..." if len(unknown) > SHOWN_IDS else "")
        console.warn(f"{len(unknown):,} of the events are not stored, or not any more: {shown}")
    if as_json:
        console.print_json({"name": name, "n_labels": len(found), "n_new": n_new, "unknown": unknown})
    else:
        console.say(f"{n_new:,} of {len(found):,} labels said something new.", style="green")


@app.command()
def show(name: ModelName, as_json: AsJson = False) -> None:
    """Show how many events are stored, from when to when, and what is known of them."""
    from models.records.events.summary import stored_events_of

    settings = read_settings()
    with event_log(settings, live_model(settings, name)) as log:
        stored = stored_events_of(log.engine, name)
    if as_json:
        console.print_json({"name": name, **asdict(stored)})
        return
    if not stored.n_events:
        console.say(f"No events of {name!r} are stored; `backscore events load {name}` loads past ones.")
        return
    rows = [
        ("events", f"{stored.n_events:,}, of which {stored.n_answered:,} were answered"),
        ("from", stored.first),
        ("to", stored.last),
        ("kept from", stored.kept_from or "the first on"),
        ("labels", f"{stored.n_labels:,}: {stored.n_frauds:,} events are fraud, {stored.n_genuine:,} are not"),
    ]
    console.results.print(console.table_of(("", ""), rows, title=f"Stored events of {name} (UTC)"))


@app.command()
def export(
    name: ModelName,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write, .csv, .csv.gz or .parquet.")],
    as_json: AsJson = False,
) -> None:
    """Write stored events with their outcome into a file: rows of the model's table, to train or to test on.

    Events younger than the delay of labels are left out, since nobody knows yet what becomes of them. Those that no
    label calls fraud are genuine.
    """
    from models.clock import utc_now
    from models.records.events.history import stored_rows

    settings = read_settings()
    check_target(file)
    with event_log(settings, live_model(settings, name)) as log:
        rows = stored_rows(log, utc_now())
    write_rows(rows.frame, file)
    n_frauds = len(set(rows.positives.row.tolist()))
    if as_json:
        console.print_json({"name": name, "file": file, "n_rows": len(rows.frame), "n_frauds": n_frauds})
    else:
        console.say(f"{len(rows.frame):,} stored events of {name!r} in {file}")


def _manifest(settings: Settings, live: LiveModel) -> Manifest:
    from models.registry.bundles import read_manifest

    with open_registry(settings) as registry:
        return read_manifest(home_of(settings).bundles, registry.version(live.name, live.version).digest)


def _labels_of(file: Path, word: str) -> list[Label]:
    """The labels in a file, in the column `positive` or one of that word; every bad value is named."""
    from data.checking import checked_frame
    from data.files.sources import read_frame
    from data.table import Column, Table
    from data.windows import whole_seconds
    from models.clock import utc_now
    from models.records.events.labels import Label

    frame = read_frame(file)
    label = "positive" if "positive" in frame else word
    described = Table(
        name="labels",
        columns=(
            Column(name="event_id", kind="key"),
            Column(name=label, kind="flag", levels=("no", "yes")),
            Column(name="known_at", kind="time", optional=True),
        ),
    )
    if label in frame:
        spelled = frame[label].map(lambda value: str(value).strip().lower())
        frame[label] = spelled.replace({"true": "yes", "1": "yes", "false": "no", "0": "no", "nan": ""})
    checked = checked_frame(described, frame, str(file), training=False)
    now = whole_seconds(utc_now())
    return [
        Label(
            event_id=event_id,
            positive=positive == "yes",
            known=now if known_at is None else whole_seconds(known_at),
            source="feedback",
        )
        for event_id, positive, known_at in zip(
            checked["event_id"],
            checked[label],
            checked["known_at"].astype(object).where(checked["known_at"].notna(), None),
            strict=True,
        )
    ]
