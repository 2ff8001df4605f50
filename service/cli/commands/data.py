"""`backscore data`: simulated and public tables."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import Cell, Remark, listing, print_result, print_text
from service.cli.context import AsJson, DomainName, domain_of, home_of, read_settings
from service.cli.row_files import check_target, write_rows

if TYPE_CHECKING:
    from data.public_table import PublicTable
    from service.settings import Settings

app = typer.Typer(help="Simulated and public tables to train on.", no_args_is_help=True)


@app.command("list")
def list_tables(as_json: AsJson = False) -> None:
    """List the simulators and the public tables, and where their files are."""
    from data.tables._catalogue import public_tables
    from models.domains._discovery import load_domains

    settings = read_settings()
    simulators = [
        {"domain": name, "table": domain.table.name, "description": domain.table.description}
        for name, domain in load_domains().items()
    ]
    public = [_described(name, table, settings) for name, table in public_tables().items()]
    text = (
        listing(simulators, {key: key for key in simulators[0]}, title="Simulators"),
        listing(public, _PUBLIC, title="Public tables"),
        Remark("Train on a public table with `backscore train DOMAIN --name NAME --table TABLE`."),
    )
    print_result({"simulators": simulators, "public_tables": public}, text, as_json=as_json)


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a public table, see `backscore data list`.")],
    as_json: AsJson = False,
) -> None:
    """Fetch a public table: found in BACKSCORE_DATA_HOME, or downloaded once and verified."""
    from data.tables._catalogue import load_public

    settings = read_settings()
    public, frame = load_public(name, settings.data_home, home_of(settings).downloads)
    path = found_at(public, settings)
    print_result(
        {"name": name, "domain": public.domain, "path": path, "n_rows": len(frame)},
        [f"{name}: {len(frame):,} rows in {path}", *([Remark(public.note)] if public.note else [])],
        as_json=as_json,
    )


@app.command()
def simulate(
    domain: DomainName,
    out: Annotated[Path, typer.Option("--out", help="File to write, .csv, .csv.gz or .parquet.")],
    rows: Annotated[int, typer.Option("--rows", min=1, help="Number of rows.")] = 10_000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Random seed; equal seeds give equal rows.")] = 0,
) -> None:
    """Write simulated rows of a domain to a file, to train on or to score."""
    check_target(out)
    frame = domain_of(domain).simulate(rows, seed).frame
    write_rows(frame, out)
    print_text([f"{len(frame):,} simulated {domain} rows in {out}"])


def found_at(public: PublicTable, settings: Settings) -> Path | None:
    """The file of a public table, if it is on this machine."""
    for folder in (settings.data_home, home_of(settings).downloads):
        if folder is not None and (folder / public.file).exists():
            return folder / public.file
    return None


def _described(name: str, public: PublicTable, settings: Settings) -> dict[str, Any]:
    return {
        "name": name,
        "domain": public.domain,
        "description": public.table.description,
        "found": found_at(public, settings),
        "downloadable": public.openml_id is not None,
        "file": public.file,
    }


def _where(table: dict[str, Any]) -> object:
    if table["found"]:
        return table["found"]
    if table["downloadable"]:
        return f"missing; backscore data fetch {table['name']}"
    return f"missing; put {table['file']} under BACKSCORE_DATA_HOME"


_PUBLIC: Mapping[str, Cell] = {"name": "name", "domain": "domain", "where": _where, "description": "description"}
