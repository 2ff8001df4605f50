"""The common test set of a model: rows that none of its versions is trained on, kept to compare all of them.

It lies in the home, beside the bundles: `test_sets/{name}/rows.parquet` with the checked rows and their windows,
`about.json`, and the loss of every row by version, named by the digest of its bundle. The first version's test rows
make it; later jobs leave its rows out of training and validation wherever they meet them again.
"""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from data.column import Column
from data.splits import SplitRows
from data.table import Table
from models.arrays import Floats
from models.home import Home
from models.names import checked_name
from models.training.row_digests import row_digests

ROWS, ABOUT = "rows.parquet", "about.json"
MATCHED_ROLES = ("feature", "time", "entity", "event", "target")
"""Columns by which a row is met again, without windows: those depend on the rows around it."""


class About(BaseModel):
    """What a common test set is.

    Attributes
    ----------
    first_version : the version whose test rows these are; earlier ones may have been trained on them.
    matched : columns of the row digests.
    n_rows : of the set. n_test_rows : of the test set that they were drawn from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    first_version: int
    matched: tuple[str, ...]
    n_rows: int
    n_test_rows: int


@dataclass(frozen=True, kw_only=True, eq=False)
class CommonTest:
    """A common test set: checked rows with windows and target, as `data.windows.checked_history` returns them."""

    folder: Path
    about: About
    frame: pd.DataFrame

    def losses_of(self, digest: str) -> Floats | None:
        """The losses of a version, by the digest of its bundle, shape (n_rows,); None if they were not kept."""
        try:
            losses = np.load(self.folder / f"{digest}.npy", allow_pickle=False)
        except (OSError, ValueError):
            return None
        return losses if losses.shape == (self.about.n_rows,) else None

    def keep_losses(self, digest: str, losses: Floats) -> None:
        """Keep the losses of a version."""
        partial = self.folder / f".{digest}.{uuid.uuid4().hex}.npy"
        np.save(partial, losses, allow_pickle=False)
        partial.replace(self.folder / f"{digest}.npy")

    def without(self, rows: SplitRows, checked: pd.DataFrame) -> SplitRows:
        """A split whose training and validation rows are none of these.

        Of equal rows, as many are left out as there are in the set, those of the new test set first.
        """
        kept = pd.Series(row_digests(self.frame, self.about.matched)).value_counts()
        order = np.concatenate([rows.test, rows.train, rows.validation])
        digests = pd.Series(row_digests(checked.iloc[order], self.about.matched))
        met = (digests.groupby(digests).cumcount() < digests.map(kept).fillna(0)).to_numpy()
        left_out = order[met]
        train, validation = (part[~np.isin(part, left_out)] for part in (rows.train, rows.validation))
        n_left_out = len(rows.train) + len(rows.validation) - len(train) - len(validation)
        if not n_left_out:
            return rows
        said = f"{rows.description} {n_left_out:,} rows of the model's common test set were left out of training."
        return SplitRows(train=train, validation=validation, test=rows.test, description=said)


def load_common_test(home: Home, name: str, table: Table) -> CommonTest | None:
    """The common test set of a model; None if there is none that this table can read."""
    folder = _folder(home, name)
    try:
        about = About.model_validate_json((folder / ABOUT).read_bytes())
        frame = pd.read_parquet(folder / ROWS)
    except (OSError, ValueError, ValidationError):  # pyarrow's errors are ValueErrors
        return None
    needed = {column.name for column in _used(table)}
    if not needed <= set(frame.columns) or not set(about.matched) <= needed or len(frame) != about.n_rows:
        return None
    for column in frame.columns:
        if frame[column].dtype.kind not in "fM":
            frame[column] = frame[column].astype(object).where(frame[column].notna(), None)
    return CommonTest(folder=folder, about=about, frame=frame)


def keep_common_test(
    home: Home, name: str, table: Table, test: pd.DataFrame, *, first_version: int, seed: int
) -> CommonTest | None:
    """Make the test rows of a version, or a random part of them, the common test set, in place of any other.

    None if the table allows none, or marks columns whose values must not be stored.
    """
    used = _used(table)
    if not table.gates.max_test_rows or any(column.stored != "plain" for column in used):
        return None
    chosen = np.random.default_rng(seed).permutation(len(test))[: table.gates.max_test_rows]
    frame = test.iloc[np.sort(chosen)][[column.name for column in used]].reset_index(drop=True)
    matched = tuple(column.name for column in used if column.role in MATCHED_ROLES and column.window is None)
    about = About(first_version=first_version, matched=matched, n_rows=len(frame), n_test_rows=len(test))
    folder = _folder(home, name)
    partial = folder.with_name(f".{name}.{uuid.uuid4().hex}")
    try:
        partial.mkdir(parents=True)
        frame.to_parquet(partial / ROWS, index=False)
        (partial / ABOUT).write_text(about.model_dump_json(indent=1))
        shutil.rmtree(folder, ignore_errors=True)
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return CommonTest(folder=folder, about=about, frame=frame)


def _folder(home: Home, name: str) -> Path:
    return home.test_sets / checked_name(name)


def _used(table: Table) -> list[Column]:
    """Columns that scoring and labelling need."""
    return [column for column in table.columns if column.role in (*MATCHED_ROLES, "weight")]
