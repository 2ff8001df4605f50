"""Files of rows that commands write."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from service.cli import console
from service.cli.exits import CommandError

if TYPE_CHECKING:
    import pandas as pd


def check_target(file: Path) -> None:
    """Raises CommandError for a file that cannot be written."""
    from data.files.sources import SUFFIXES

    if not file.name.lower().endswith(SUFFIXES):
        raise CommandError(f"{file}: a file must end in {', '.join(SUFFIXES)}")
    if not file.parent.is_dir():
        raise CommandError(f"{file}: there is no folder {file.parent}")


def write_rows(frame: pd.DataFrame, file: Path) -> None:
    """Write a frame as its file's name asks for."""
    if file.name.lower().endswith(".parquet"):
        frame.to_parquet(file, index=False)
        return
    import pyarrow as pa

    from data.files.formulas import n_formulas

    frame.to_csv(file, index=False)
    texts = frame.select_dtypes(exclude=["number", "bool", "datetime", "datetimetz", "timedelta"]).astype("string")
    warn_of_formulas(n_formulas(pa.Table.from_pandas(texts, preserve_index=False)), file)


def warn_of_formulas(n_cells: int, file: Path) -> None:
    """Tell that a CSV holds what a spreadsheet program would run; its cells are as they came."""
    if n_cells:
        console.warn(
            f"{n_cells:,} cell(s) of {file} begin like a formula (=, +, -, @); a spreadsheet program would run them: "
            "import the file as text"
        )
