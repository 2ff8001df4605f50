"""Output of commands: the result on standard output, as text or as one JSON object; all else on standard error."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, TypeAlias

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

results = Console(highlight=False)
remarks = Console(stderr=True, highlight=False)

Cell: TypeAlias = str | Callable[[Any], object]
"""A cell of a row: "field" or "field:format", dots for nested fields, as in "psi.value:.3f"; or a function of the row.
A field of None, or below one, is an empty cell."""


@dataclass(frozen=True)
class Line:
    """A line of the result in a style; plain lines are `str`."""

    text: str
    style: str = "green"


@dataclass(frozen=True)
class Remark:
    """A line that explains the result, on standard error."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class Listing:
    """A table, cell by cell."""

    headings: Sequence[str]
    rows: Sequence[Sequence[object]]
    title: str = ""


Part: TypeAlias = str | Line | Remark | Listing


def print_result(result: object, text: Iterable[Part], *, as_json: bool) -> None:
    """Print a result: with --json the mapping, pydantic model or dataclass itself, else its text."""
    if as_json:
        typer.echo(json.dumps(result, allow_nan=False, ensure_ascii=False, indent=2, default=_plain))
    else:
        print_text(text)


def print_text(text: Iterable[Part]) -> None:
    """Print the text of a result."""
    for part in text:
        if isinstance(part, Listing):
            results.print(_rendered(part))
        elif isinstance(part, Remark):
            remark(part.text, style=part.style)
        else:
            line = Line(part, "") if isinstance(part, str) else part
            results.print(Text(line.text, style=line.style), soft_wrap=True)


def warning(text: str) -> Remark:
    """A remark on something that needs attention."""
    return Remark(f"Warning: {text}", "yellow")


def remark(text: str, *, style: str = "") -> None:
    """Print a line on standard error."""
    remarks.print(Text(text, style=style), soft_wrap=True)


def warn(text: str) -> None:
    """Print a warning."""
    print_text([warning(text)])


def complain(text: str) -> None:
    """Print why the command failed."""
    remark(f"Error: {text}", style="red")


def listing(rows: Iterable[object], columns: Mapping[str, Cell], *, title: str = "", sparse: bool = False) -> Listing:
    """A table with one line for each row; `columns` by heading, those without any value left out if `sparse`."""
    rows = list(rows)
    cells = {heading: [_cell(row, column) for row in rows] for heading, column in columns.items()}
    if sparse:
        cells = {heading: values for heading, values in cells.items() if any(value is not None for value in values)}
    return Listing(tuple(cells), list(zip(*cells.values(), strict=True)), title)


def comparison(subjects: Mapping[str, object], figures: Mapping[str, Cell], *, corner: str = "") -> Listing:
    """A table with one column for each subject and one line for each figure that any of them has."""
    lines = [(what, *(_cell(subject, figure) for subject in subjects.values())) for what, figure in figures.items()]
    known = [line for line in lines if any(value is not None for value in line[1:])]
    return Listing((corner, *subjects), known)


def _cell(row: object, column: Cell) -> object:
    if callable(column):
        return column(row)
    path, _, form = column.partition(":")
    value = row
    for name in path.split("."):
        if value is None:
            return None
        value = value.get(name) if isinstance(value, Mapping) else getattr(value, name)
    return format(value, form) if form and value is not None else value


def _rendered(listing: Listing) -> Table:
    """A table of plain texts: the first column and ids are never broken, numbers stand to the right, None is empty."""
    table = Table(
        title=listing.title or None,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_header=any(listing.headings),
    )
    for i, heading in enumerate(listing.headings):
        numbers = all(isinstance(row[i], int | float | None) for row in listing.rows)
        table.add_column(
            heading, justify="right" if numbers else "left", overflow="fold", no_wrap=i == 0 or heading == "id"
        )
    for row in listing.rows:
        table.add_row(*(Text(_text(value)) for value in row))
    return table


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}"
    return str(value)


def _plain(value: object) -> Any:
    """What JSON has no form for, as something that it has."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)
