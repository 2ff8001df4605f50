"""`backscore table`: the description of a file's columns, guessed from the file and shown."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.domains import domain_names
from service.cli import console
from service.cli.context import domain_of
from service.cli.exits import CommandError

if TYPE_CHECKING:
    from rich.table import Table as Listing

    from data.table import Column, Table

app = typer.Typer(help="Describe the columns of a file, once, for training and for the endpoint.", no_args_is_help=True)


@app.command()
def infer(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV or parquet file whose columns are to be described.")
    ],
    target: Annotated[str, typer.Option("--target", help="The column to predict.")],
    out: Annotated[Path, typer.Option("--out", help="TOML file to write.")],
    name: Annotated[str | None, typer.Option(help="Name of the table; the file's name if left out.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the TOML file if it is there.")] = False,
) -> None:
    """Guess what each column of a file is, and write it down for you to correct.

    The TOML file explains its own fields. Look at least at the target's `positive` value, at columns that would not be
    known yet when a prediction is asked for (set role = "ignore"), at codes for "no value" (`missing`), and at sex, age
    and the like (`protected = true`).
    """
    from data.files.sources import read_frame
    from data.files.table_toml import write_table
    from data.inference.infer import infer_table

    if out.exists() and not force:
        raise CommandError(f"{out}: is there already, and may hold your corrections; --force replaces it")
    table = infer_table(read_frame(file), name=name or _table_name(file), target=target)
    write_table(table, out)
    console.results.print(_listing(table))
    if not table.target.event_levels:
        console.warn(
            f"{target!r} has more than two values; before training, set positive = '...' in {out} to the event's"
        )
    console.say(
        f"Written to {out}. Look through it, then: backscore train DOMAIN --name NAME --table {out} --data {file}"
    )


@app.command()
def show(
    table: Annotated[
        str,
        typer.Argument(metavar="TABLE", help="A TOML file, the name of a public table, or a domain for its own table."),
    ],
) -> None:
    """Show the columns of a table: what each holds, what it is for, and which values are allowed."""
    console.results.print(_listing(_table_of(table)))


def _table_of(text: str) -> Table:
    from data.files.table_toml import read_table
    from data.tables._catalogue import public_tables

    if text in domain_names():
        return domain_of(text).table
    if text in (public := public_tables()):
        return public[text].table
    if not text.endswith(".toml"):
        known = f"no public table ({', '.join(public)}) and no domain ({', '.join(domain_names())})"
        raise CommandError(f"{text!r} is no TOML file, {known}")
    return read_table(Path(text))


def _table_name(file: Path) -> str:
    """The file's name up to its first dot."""
    return file.name.split(".")[0]


def _role(column: Column) -> str:
    role: str = column.role
    if column.positive is not None:
        role += f", 1 is {column.positive}"
    return role + (", protected" if column.protected else "") + (", actionable" if column.actionable else "")


def _meaning(column: Column) -> str:
    words = f"{column.description} ({column.unit})" if column.unit else column.description
    return f"{words}: {column.meanings_text}" if column.meanings else words


def _listing(table: Table) -> Listing:
    rows = [
        (
            column.name,
            column.kind,
            _role(column),
            column.allowed,
            _meaning(column),
        )
        for column in table.columns
    ]
    headings = ("column", "kind", "role", "must be", "description")
    return console.table_of(headings, rows, title=table.name)
