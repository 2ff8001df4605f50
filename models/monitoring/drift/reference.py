"""Reference: the distributions of the training rows, stored in the bundle for comparison with later rows.

It holds counts for each comparable column, and quantiles for numbers; columns are not linked, so that no row can be
reconstructed from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field, ValidationError

from data.column import Column
from data.table import Table
from models.arrays import Floats
from models.contract import Summary
from models.errors import BundleError, NoReferenceError
from models.evaluation.bins import Bins, is_missing
from models.monitoring.drift.distributions import TAIL_SHARE, ColumnReference, Kept, LevelReference, NumberReference
from models.monitoring.drift.entities import INDEPENDENT, DesignEffect, Groups, design_effect, groups_in
from models.registry.bundles import read_file, read_manifest
from models.registry.registry import Version

REFERENCE = "reference.json"
N_CELLS = 200
"""Quantiles of a number to keep: they divide its rows into this many parts of equal size."""
N_OUTERMOST = 32
"""Additional quantiles within each of the first and the last part, to describe the tails."""
MAX_LEVELS = 1_000
N_EFFECT_BINS = 10
"""Bins of a number for its design effect."""


def score_column(summary: Summary) -> Column:
    """The score of answers, as a column."""
    return Column(name="", kind="number", description=summary.title, unit=summary.unit)


class Reference(Kept):
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
    if column.kind == "text":
        return "hardly two texts are the same"
    if column.kind == "numbers":
        return "lists are compared by what is answered to them"
    if column.stored != "plain":
        return f"the audit log keeps it {column.stored.replace('_', ' ')}"
    return ""


def compared_columns(table: Table) -> list[Column]:
    """The inputs that are compared with the training rows."""
    return [column for column in table.of_role("feature") if not why_not_compared(column)]


def training_reference(
    table: Table, training: pd.DataFrame, scores: Floats, scored: pd.DataFrame | None = None
) -> Reference:
    """The reference of training rows.

    Parameters
    ----------
    training : checked rows of the training set.
    scores : of held-out rows, see `models.contract.Summary`. scored : these rows; None if each is of another entity.
    """
    entities = list(groups_in(table, training).values())
    of_scored = [] if scored is None else list(groups_in(table, scored).values())
    return Reference(
        columns={
            column.name: column_reference(column, training[column.name], entities) for column in compared_columns(table)
        },
        score=_of_number(Column(name="", kind="number"), pd.Series(scores), of_scored),
    )


def column_reference(column: Column, values: pd.Series[Any], entities: Sequence[Groups] = ()) -> ColumnReference:
    """The reference of a column, from values of a checked frame.

    Parameters
    ----------
    entities : groups of the rows, see `entities.groups_in`.
    """
    if column.kind == "number":
        return _of_number(column, values, entities)
    missing = is_missing(column, values)
    present = values[~missing]
    counts = present.value_counts()
    kept = {str(level): int(count) for level, count in counts.iloc[:MAX_LEVELS].items()}
    effect = _effect(column, values, entities)
    return LevelReference(
        n_missing=int(missing.sum()),
        levels=kept,
        n_other=int(counts.iloc[MAX_LEVELS:].sum()),
        design_effect=effect.value,
        effect_spread=effect.spread,
        n_single=max(_n_single(present, groups[~missing]) for groups in entities) if entities else None,
    )


def _n_single(present: pd.Series[Any], groups: Groups) -> int:
    """Rows whose level only one entity has."""
    of_level = pd.Series(groups).groupby(present.to_numpy(), sort=False).agg(["size", "nunique"])
    return int(of_level.loc[of_level["nunique"] == 1, "size"].sum())


def _effect(column: Column, values: pd.Series[Any], entities: Sequence[Groups]) -> DesignEffect:
    if not entities:
        return INDEPENDENT
    codes = Bins.of(column, values, n_bins=N_EFFECT_BINS).codes(values)
    return design_effect(codes, entities, ordered=column.kind == "number")


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


def reference_file(
    table: Table, training: pd.DataFrame, scores: Floats, scored: pd.DataFrame | None = None
) -> Mapping[str, bytes]:
    """The reference as a file of a bundle, see `training_reference`."""
    return {REFERENCE: training_reference(table, training, scores, scored).model_dump_json().encode()}


def _of_number(column: Column, given: pd.Series[Any], entities: Sequence[Groups]) -> NumberReference:
    missing = is_missing(column, given)
    present = given[~missing].to_numpy(np.float64)
    values, counts = np.unique(present, return_counts=True)
    at_most = np.cumsum(counts)
    places = knots(at_most)
    effect = _effect(column, given, entities)
    of_tails = _tail_effects(present, [groups[~missing] for groups in entities]) if entities else []
    return NumberReference(
        n_missing=int(missing.sum()),
        values=tuple(values[places].tolist()),
        at_most=tuple(at_most[places].tolist()),
        complete=len(places) == len(values),
        design_effect=effect.value,
        effect_spread=effect.spread,
        tail_effect=max(of_tails, default=effect.value),
    )


def _tail_effects(present: Floats, entities: Sequence[Groups]) -> list[float]:
    """The design effects of both tails; of many equal values or few rows there may be none."""
    tails = [x > np.quantile(x, 1 - TAIL_SHARE, method="inverted_cdf") for x in (present, -present) if len(x)]
    return [design_effect(tail.astype(np.intp), entities).value for tail in tails if tail.any()]


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
