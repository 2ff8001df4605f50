"""Files of rows that commands write."""
# ruff: noqa: PLC0415 - heavy libraries are imported by the command that needs them, so that --help is quick

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from service.cli.exits import CommandError

if TYPE_CHECKING:
    import pandas as pd


def check_target(file: Path) -> None:
    """Raises CommandError for a file that cannot be written."""
    from data.sources import SUFFIXES

    if not file.name.lower().endswith(SUFFIXES):
        raise CommandError(f"{file}: a file must end in {', '.join(SUFFIXES)}")
    if not file.parent.is_dir():
        raise CommandError(f"{file}: there is no folder {file.parent}")


def write_rows(frame: pd.DataFrame, file: Path) -> None:
    """Write a frame as its file's name asks for."""
    if file.name.lower().endswith(".parquet"):
        frame.to_parquet(file, index=False)
    else:
        frame.to_csv(file, index=False)
