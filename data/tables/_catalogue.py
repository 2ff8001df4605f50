"""The catalogue of public tables, and their rows."""

from __future__ import annotations

import functools
import os
import tempfile
import tomllib
from pathlib import Path

import pandas as pd
from sklearn.datasets import fetch_openml

from data.errors import DataError, SourceError
from data.files.sources import frame_digest, read_frame
from data.files.table_toml import table_from_dict
from data.public_table import PublicTable
from data.splits import Split
from data.tables._openml import FROM_OPENML


@functools.cache
def public_tables(folder: Path = Path(__file__).parent) -> dict[str, PublicTable]:
    """Every public table by name: one TOML file each in `data/tables`, with the source of its rows in [public]."""
    return {path.stem: _read(path) for path in sorted(folder.glob("*.toml"))}


def _read(path: Path) -> PublicTable:
    described = tomllib.loads(path.read_text("utf-8"))
    try:
        public = described.pop("public")
        split = Split(**public.pop("split"))
        table = table_from_dict(described)
        found = PublicTable(table=table, split=split, from_openml=FROM_OPENML.get(path.stem), **public)
    except (DataError, KeyError, TypeError) as error:
        raise SourceError(f"{path}: does not describe a public table: {error}") from error
    if table.name != path.stem:
        raise SourceError(f"{path}: the table is named {table.name!r}")
    return found


def load_public(name: str, data_home: Path | None, downloads: Path) -> tuple[PublicTable, pd.DataFrame]:
    """The public table of that name and its rows.

    They come from `data_home` if it has the file, else from `downloads`, else from OpenML, and are then stored in
    `downloads`. SourceError lists the available names, or says what to do if none of the three has the rows.
    """
    known = public_tables()
    if name not in known:
        raise SourceError(f"there is no public table {name!r}; there are {', '.join(known)}")
    public = known[name]
    for home in (data_home, downloads):
        if home is not None and (home / public.file).exists():
            return public, read_frame(home / public.file)
    frame = _download(public)
    _store(frame, downloads / public.file)
    return public, frame


def _download(public: PublicTable) -> pd.DataFrame:
    """The rows from OpenML, checked against the digest of the file."""
    name, remedy = public.table.name, f"put {public.file} under BACKSCORE_DATA_HOME"
    if public.openml_id is None:
        raise SourceError(f"public table {name!r}: its file is not here and OpenML does not have it; {remedy}")
    try:
        # The id pins the version; `_store` caches the rows in our own form
        frame = fetch_openml(data_id=public.openml_id, as_frame=True, parser="auto", cache=False).frame
    except (OSError, ValueError) as error:  # no network, or a response that the OpenML reader cannot parse
        raise SourceError(f"public table {name!r}: OpenML cannot be read ({error}); {remedy}") from error
    try:
        frame = frame if public.from_openml is None else public.from_openml(public.table, frame)
    except (KeyError, ValueError) as error:
        raise SourceError(f"public table {name!r}: OpenML's columns or levels have changed; {remedy}") from error
    if (digest := frame_digest(frame)) != public.digest:
        raise SourceError(
            f"public table {name!r}: OpenML's rows are not those of {public.file}"
            f" (digest {digest[:12]}..., expected {public.digest[:12]}...); {remedy}"
        )
    return frame


def _store(frame: pd.DataFrame, path: Path) -> None:
    """Write a parquet file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(descriptor)
    unfinished = Path(name)
    try:
        frame.to_parquet(unfinished, index=False)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
