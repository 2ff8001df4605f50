"""Reference: the distributions of the training rows, stored in the bundle for comparison with later rows.

It holds counts for each comparable column, and quantiles for numbers; columns are not linked, so that no row can be
reconstructed from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.column import Column
from data.table import Table
from models.arrays import Floats
from models.contract import Summary
from models.errors import BundleError, NoReferenceError
from models.evaluation.bins import is_missing
from models.registry.bundles import read_file, read_manifest
from models.registry.registry import Version

REFERENCE = "reference.json"
N_CELLS = 200
"""Quantiles of a number to keep: they divide its rows into this many parts of equal size."""
N_OUTERMOST = 32
"""Additional quantiles within each of the first and the last part, to describe the tails."""
MAX_LEVELS = 1_000


def score_column(summary: Summary) -> Column:
    """The score of answers, as a column."""
    return Column(name="", kind="number", description=summary.title, unit=summary.unit)


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class NumberReference(_Kept):
    """The distribution of a number over the training rows.

    Parameters
    ----------
    n_missing : rows without a value, or with a code for "no value".
    values : some observed values, ascending. at_most : number of rows with at most that value.
    complete : whether these are all observed values.
    """

    kind: Literal["number"] = "number"
    n_missing: int
    values: tuple[float, ...]
    at_most: tuple[int, ...]
    complete: bool

    @property
    def n_present(self) -> int:
        """Rows with a value."""
        return self.at_most[-1] if self.at_most else 0

    @property
    def n_rows(self) -> int:
        """All rows."""
        return self.n_present + self.n_missing

    def quantile(self, share: float) -> float:
        """The least stored value that at least this share of the rows with a value does not exceed."""
        return self.values[int(np.searchsorted(self.at_most, share * self.n_present))]

    def share_at_most(self, x: Floats) -> Floats:
        """Share of the rows with a value of at most x: exact at stored values, interpolated between them."""
        shares = np.array((0, *self.at_most)) / self.n_present
        if self.complete:
            return shares[np.searchsorted(self.values, x, side="right")]
        between: Floats = np.interp(x, self.values, shares[1:], left=0.0, right=1.0)
        return between


class LevelReference(_Kept):
    """The distribution of a category or flag over the training rows.

    Parameters
    ----------
    levels : rows of each of the MAX_LEVELS most frequent levels, the most frequent first.
    n_other : rows with other levels.
    """

    kind: Literal["levels"] = "levels"
    n_missing: int
    levels: dict[str, int]
    n_other: int

    @property
    def n_rows(self) -> int:
        """All rows."""
        return sum(self.levels.values()) + self.n_other + self.n_missing


ColumnReference: TypeAlias = NumberReference | LevelReference


class Reference(_Kept):
    """Distributions of the training rows by column, and of the scores of held-out rows.

    Scores of training rows are overconfident, so they are no reference for scores of new rows.
    """

    format: Literal[1] = 1
    columns: dict[str, Annotated[ColumnReference, Field(discriminator="kind")]]
    score: NumberReference


def why_not_compared(column: Column) -> str:
    """The reason why a column is not compared; empty if it is."""
    if column.kind == "time":
        return "times always change"
    if column.kind == "key":
        return "an id has too many values"
    if column.stored != "plain":
        return f"the audit log keeps it {column.stored.replace('_', ' ')}"
    return ""


def compared_columns(table: Table) -> list[Column]:
    """The inputs that are compared with the training rows."""
    return [column for column in table.of_role("feature") if not why_not_compared(column)]


def training_reference(table: Table, training: pd.DataFrame, scores: Floats) -> Reference:
    """The reference of training rows.

    Parameters
    ----------
    training : checked rows of the training set.
    scores : of held-out rows, see `models.contract.Summary`.
    """
    return Reference(
        columns={column.name: column_reference(column, training[column.name]) for column in compared_columns(table)},
        score=_of_number(scores, 0),
    )


def column_reference(column: Column, values: pd.Series[Any]) -> ColumnReference:
    """The reference of a column, from values of a checked frame."""
    missing = is_missing(column, values)
    present, n_missing = values[~missing], int(missing.sum())
    if column.kind == "number":
        return _of_number(present.to_numpy(np.float64), n_missing)
    counts = present.value_counts()
    kept = {str(level): int(count) for level, count in counts.iloc[:MAX_LEVELS].items()}
    return LevelReference(n_missing=n_missing, levels=kept, n_other=int(counts.iloc[MAX_LEVELS:].sum()))


def load_reference(version: Version, bundles: Path) -> Reference:
    """The reference in a version's bundle.

    Raises
    ------
    NoReferenceError
        The version was trained before bundles held references.
    BundleError
        The bundle is missing or altered, or this installation cannot read its reference.
    """
    if REFERENCE not in read_manifest(bundles, version.digest).files:
        raise NoReferenceError(version.name, version.number)
    try:
        return Reference.model_validate_json(read_file(bundles, version.digest, REFERENCE))
    except ValidationError as error:
        raise BundleError(version.digest, f"its {REFERENCE} cannot be read by this installation: {error}") from error


def reference_file(table: Table, training: pd.DataFrame, scores: Floats) -> Mapping[str, bytes]:
    """The reference as a file of a bundle, see `training_reference`."""
    return {REFERENCE: training_reference(table, training, scores).model_dump_json().encode()}


def _of_number(present: Floats, n_missing: int) -> NumberReference:
    values, counts = np.unique(present, return_counts=True)
    at_most = np.cumsum(counts)
    places = knots(at_most)
    return NumberReference(
        n_missing=n_missing,
        values=tuple(values[places].tolist()),
        at_most=tuple(at_most[places].tolist()),
        complete=len(places) == len(values),
    )


def knots(at_most: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """Positions of the distinct values to keep, including the first and the last; all if there are few.

    Parameters
    ----------
    at_most : number of rows with at most each distinct value.
    """
    if len(at_most) <= N_CELLS + 2 * N_OUTERMOST:
        return np.arange(len(at_most))
    n_rows = int(at_most[-1])
    outermost = np.rint(np.geomspace(1, n_rows / N_CELLS, N_OUTERMOST))  # ever denser, since tails are long
    cuts = np.ceil(np.arange(1, N_CELLS) * n_rows / N_CELLS)
    return np.unique(np.searchsorted(at_most, np.concatenate([outermost, cuts, n_rows + 1 - outermost])))
