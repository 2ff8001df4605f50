"""`backscore table`: infer and show the description of a file's columns."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.domains import domain_names
from service.cli.console import Listing, Part, listing, print_text, warning
from service.cli.context import domain_of
from service.cli.exits import CommandError

if TYPE_CHECKING:
    from data.column import Column
    from data.table import Table

app = typer.Typer(help="Describe the columns of a file, for training and for the endpoint.", no_args_is_help=True)


@app.command()
def infer(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or parquet file to describe.")],
    out: Annotated[Path, typer.Option("--out", help="TOML file to write.")],
    target: Annotated[str | None, typer.Option("--target", help="The column to predict.")] = None,
    series: Annotated[
        bool, typer.Option("--series", help="The file holds values of series, long or wide, to forecast.")
    ] = False,
    name: Annotated[str | None, typer.Option(help="Name of the table; default: the file's name.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the TOML file.")] = False,
) -> None:
    """Infer the columns of a file, as a TOML file for you to correct.

    The TOML file explains its fields. Check at least the target's `positive` value, columns that leak the outcome
    (set role = "ignore"), codes for missing values (`missing`), and protected attributes such as sex and age
    (`protected = true`).

    With --series, the values of a file become a table of series: one with a row for each value (--target names it
    where several columns hold numbers), or a wide file, with a column or a row for each series, which is written as a
    long one beside the TOML file.
    """
    from data.files.sources import read_frame
    from data.files.table_toml import write_table
    from data.inference.events import event_question
    from data.inference.infer import infer_table
    from data.inference.series import series_question

    if out.exists() and not force:
        raise CommandError(f"{out} already exists and may hold your corrections; --force overwrites it")
    if series:
        print_text(_infer_series(file, out, name or _table_name(file), target, force=force))
        return
    if target is None:
        raise CommandError("name the column to predict by --target, or add --series for a file of series")
    frame = read_frame(file)
    table = infer_table(frame, name=name or _table_name(file), target=target)
    write_table(table, out)
    text: list[Part] = [_columns(table)]
    if not table.target.event_levels:
        text.append(
            warning(
                f"{target!r} has more than two values; to predict one event, set positive = '...' in {out} to it "
                "before training. To predict the value itself, leave it out"
            )
        )
    if question := event_question(table, frame):
        text.append(warning(f"{question} in {out}"))
    if question := series_question(table, frame):
        text.append(warning(question))
    text.append(f"Written to {out}. Check it, then run: backscore train DOMAIN --name NAME --table {out} --data {file}")
    print_text(text)


def _infer_series(file: Path, out: Path, name: str, target: str | None, *, force: bool) -> list[Part]:
    """Write the table of a file of series, and its long form where it is wide; what to print."""
    from data.files.sources import read_frame
    from data.files.table_toml import write_table
    from data.inference.series import propose_series

    proposal = propose_series(read_frame(file), name=name, target=target)
    rows = file
    if proposal.is_melted:
        rows = out.with_name(f"{out.stem}_long.csv")
        if rows.exists() and not force:
            raise CommandError(f"{rows} already exists; --force overwrites it")
        proposal.frame.to_csv(rows, index=False)
    write_table(proposal.table, out)
    long = [f"The long form is written to {rows}."] if proposal.is_melted else []
    return [
        *(warning(doubt) for doubt in proposal.doubts),
        "\n".join(f"Assumed: {words}" for words in proposal.assumed),
        _columns(proposal.table),
        *long,
        f"Written to {out}. Check [series] and the columns in it; the rows are in {rows}",
    ]


@app.command()
def show(
    table: Annotated[
        str,
        typer.Argument(metavar="TABLE", help="A TOML file, the name of a public table, or a domain for its own table."),
    ],
) -> None:
    """Show the columns of a table: kind, role and allowed values."""
    print_text([_columns(_table_of(table))])


def _table_of(text: str) -> Table:
    from data.files.table_toml import read_table
    from data.tables._catalogue import public_tables

    if text in domain_names():
        return domain_of(text).table
    if text in (public := public_tables()):
        return public[text].table
    if not text.endswith(".toml"):
        known = f"not a public table ({', '.join(public)}) or a domain ({', '.join(domain_names())})"
        raise CommandError(f"unknown table {text!r}: not a .toml file, {known}")
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


def _columns(table: Table) -> Listing:
    return listing(
        table.columns,
        {"column": "name", "kind": "kind", "role": _role, "must be": "allowed", "description": _meaning},
        title=table.name,
    )
