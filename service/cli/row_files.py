"""Files of rows written by commands."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from service.cli import console
from service.cli.exits import CommandError

if TYPE_CHECKING:
    import pandas as pd


TimeFormat: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--time-format",
        help="How the file writes times that are not ISO 8601, such as %d/%m/%Y, 'epoch seconds' or 'excel days'; found"
        " where only one format fits the whole column.",
    ),
]


def format_of_times(frame: pd.DataFrame, name: str, given: str | None) -> str | None:
    """The format of a column's times: the given one, or the only one that fits; CommandError if several do."""
    from data.errors import TableError
    from data.times import TimeFormatError, check_format, time_format

    try:
        if given is not None:
            check_format(given)
            return given
        return time_format(frame[name]) if name in frame else None
    except TimeFormatError as error:
        raise CommandError(f"column {name!r}: {error}; say which: --time-format FORMAT") from None
    except TableError as error:
        raise CommandError(f"--time-format: {error}") from None


def check_target(file: Path) -> None:
    """CommandError for a file that cannot be written."""
    from data.files.sources import SUFFIXES

    if not file.name.lower().endswith(SUFFIXES):
        raise CommandError(f"{file}: the name must end in {', '.join(SUFFIXES)}")
    check_folder(file)


def check_folder(file: Path) -> None:
    """CommandError for a file in a folder that does not exist."""
    if not file.parent.is_dir():
        raise CommandError(f"{file}: there is no folder {file.parent}")


def write_rows(frame: pd.DataFrame, file: Path) -> None:
    """Write a frame in the format of the file's suffix."""
    if file.name.lower().endswith(".parquet"):
        frame.to_parquet(file, index=False)
        return
    import pyarrow as pa

    from data.files.formulas import n_formulas

    frame.to_csv(file, index=False)
    texts = frame.select_dtypes(exclude=["number", "bool", "datetime", "datetimetz", "timedelta"]).astype("string")
    warn_of_formulas(n_formulas(pa.Table.from_pandas(texts, preserve_index=False)), file)


def warn_of_formulas(n_cells: int, file: Path) -> None:
    """Warn of cells in a CSV that a spreadsheet program would run; they are written unchanged."""
    if n_cells:
        console.warn(
            f"{n_cells:,} cell(s) of {file} start like a formula (=, +, -, @) and would be run by a spreadsheet; "
            "import the file as text"
        )
