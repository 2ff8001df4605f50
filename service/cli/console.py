"""What a command says, and where: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table as Listing
from rich.text import Text

results = Console(highlight=False)
remarks = Console(stderr=True, highlight=False)


def print_json(result: Mapping[str, Any]) -> None:
    """The result of a command as the one JSON object on standard output."""
    typer.echo(json.dumps(result, allow_nan=False, ensure_ascii=False, indent=2, default=str))


def remark(text: str, *, style: str = "") -> None:
    """A line about how it goes, on standard error."""
    remarks.print(Text(text, style=style), soft_wrap=True)


def warn(text: str) -> None:
    """A line about something the user should look at."""
    remark(f"Warning: {text}", style="yellow")


def complain(text: str) -> None:
    """Why the command did not do what it was asked for."""
    remark(f"Error: {text}", style="red")


def say(text: str, *, style: str = "") -> None:
    """A line of the result."""
    results.print(Text(text, style=style), soft_wrap=True)


def table_of(headings: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> Listing:
    """A table of plain texts whose first column is never broken; numbers stand to the right, None is an empty cell."""
    rows = [list(row) for row in rows]
    table = Listing(
        title=title or None,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_header=any(headings),
    )
    for i, heading in enumerate(headings):
        numbers = all(isinstance(row[i], int | float | None) for row in rows)
        table.add_column(heading, justify="right" if numbers else "left", overflow="fold", no_wrap=i == 0)
    for row in rows:
        table.add_row(*(Text(_spoken(value)) for value in row))
    return table


def _spoken(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}"
    return str(value)
