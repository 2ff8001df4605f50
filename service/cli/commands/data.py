"""`backscore data`: simulated and public tables to try things with."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli import console
from service.cli.context import AsJson, DomainName, domain_of, home_of, read_settings
from service.cli.row_files import check_target, write_rows

if TYPE_CHECKING:
    from data.public_table import PublicTable
    from service.settings import Settings

app = typer.Typer(help="Tables to try things with: simulated ones, and public ones by name.", no_args_is_help=True)


@app.command("list")
def list_tables(as_json: AsJson = False) -> None:
    """List the simulators and the public tables, and where the public ones are."""
    from data.tables._catalogue import public_tables
    from models.domains._discovery import load_domains

    settings = read_settings()
    simulators = [
        {"domain": name, "table": domain.table.name, "description": domain.table.description}
        for name, domain in load_domains().items()
    ]
    public = [_described(name, table, settings) for name, table in public_tables().items()]
    if as_json:
        console.print_json({"simulators": simulators, "public_tables": public})
        return
    rows = [list(simulator.values()) for simulator in simulators]
    console.results.print(
        console.table_of(("domain", "table", "description"), rows, title="Simulated rows, always there")
    )
    rows = [
        [table["name"], table["domain"], table["found"] or _not_found(table), table["description"]] for table in public
    ]
    console.results.print(console.table_of(("name", "domain", "where", "description"), rows, title="Public tables"))
    console.remark("A public table trains with `backscore train DOMAIN --name NAME --table TABLE`.")


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a public table, see `backscore data list`.")],
    as_json: AsJson = False,
) -> None:
    """Make a public table available: found in BACKSCORE_DATA_HOME, or downloaded once and checked."""
    from data.tables._catalogue import load_public

    settings = read_settings()
    public, frame = load_public(name, settings.data_home, home_of(settings).downloads)
    path = found_at(public, settings)
    if as_json:
        console.print_json({"name": name, "domain": public.domain, "path": path, "n_rows": len(frame)})
    else:
        console.say(f"{name}: {len(frame):,} rows in {path}")
        if public.note:
            console.remark(public.note)


@app.command()
def simulate(
    domain: DomainName,
    out: Annotated[Path, typer.Option("--out", help="File to write, .csv, .csv.gz or .parquet.")],
    rows: Annotated[int, typer.Option("--rows", min=1, help="How many rows.")] = 10_000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Equal seeds give equal rows.")] = 0,
) -> None:
    """Write simulated rows of a domain to a file: something to train on, or to score."""
    check_target(out)
    frame = domain_of(domain).simulate(rows, seed).frame
    write_rows(frame, out)
    console.say(f"{len(frame):,} simulated {domain} rows in {out}")


def found_at(public: PublicTable, settings: Settings) -> Path | None:
    """Where the rows of a public table are, if they are here."""
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


def _not_found(table: dict[str, Any]) -> str:
    if table["downloadable"]:
        return f"not here; backscore data fetch {table['name']}"
    return f"not here; put {table['file']} under BACKSCORE_DATA_HOME"
