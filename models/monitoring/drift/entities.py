"""Dependence between rows of the same entity: forty rows of one person tell less than those of forty persons.

The design effect is the factor by which this widens the variance of a share (Kish 1965). Counts divided by it can be
tested as if their rows were independent (Rao and Scott 1992, "A simple method for the analysis of clustered binary
data", Biometrics 48). Of many shares together it has a mean and a spread (Rao and Scott 1984, "On chi-squared tests for
multiway contingency tables with cell proportions estimated from survey data", Annals of Statistics 12).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.table import Table
from models.arrays import Floats
from models.evaluation.bins import Codes
from models.evaluation.psi import Counts

Groups: TypeAlias = npt.NDArray[np.intp]
"""The entity of each row as a number, 0 .. n_entities - 1, shape (n_rows,)."""
MIN_ENTITIES = 4
"""With fewer, nothing is known of how they differ: each counts as one row."""


def groups_in(table: Table, frame: pd.DataFrame) -> dict[str, Groups]:
    """The groups of rows that share an entity, for each entity column of the table that the frame has.

    A row without a value is of an entity of its own. Columns in which no entity repeats are left out.
    """
    found = {column.name: _groups(frame[column.name]) for column in table.of_role("entity") if column.name in frame}
    return {name: groups for name, groups in found.items() if len(groups) > n_entities(groups)}


def n_entities(groups: Groups) -> int:
    """Number of entities."""
    return int(groups.max()) + 1 if len(groups) else 0


def _groups(values: pd.Series[Any]) -> Groups:
    codes, names = pd.factorize(values.to_numpy(object))
    empty = codes < 0
    codes[empty] = len(names) + np.arange(empty.sum())
    return codes.astype(np.intp)


@dataclass(frozen=True)
class DesignEffect:
    """The design effect of a column's bins.

    Parameters
    ----------
    value : of any share of the rows, at least 1; allows for few entities.
    mean, spread : over the shares in all bins: their mean, and the square of their relative standard deviation.
    n_entities : number of entities; infinite for independent rows.
    """

    value: float = 1.0
    mean: float = 1.0
    spread: float = 0.0
    n_entities: float = np.inf


INDEPENDENT = DesignEffect()


def design_effect(codes: Codes, entities: Sequence[Groups], *, ordered: bool = False) -> DesignEffect:
    """The design effect of a column's bins, of those of each entity the greatest.

    Parameters
    ----------
    codes : the bin of each row, 0 .. n_bins - 1, shape (n_rows,).
    entities : groups of the same rows.
    ordered : the bins are of a number: rows up to an edge depend on each other more than those in a narrow bin.
    """
    of_each = [_effect_of(codes, groups, ordered=ordered) for groups in entities if len(codes)]
    return max([INDEPENDENT, *of_each], key=lambda one: one.value)


def as_independent(counts: Counts, effect: float) -> Counts:
    """Rows in each bin, as the number of independent rows that tell as much."""
    return counts if effect == 1 else np.rint(counts / effect).astype(np.int64)


def _effect_of(codes: Codes, groups: Groups, *, ordered: bool) -> DesignEffect:
    n_bins = int(codes.max()) + 1
    _, groups = np.unique(groups, return_inverse=True)  # rows without a value may have been left out
    counts = np.bincount(groups * n_bins + codes, minlength=n_entities(groups) * n_bins).reshape(-1, n_bins)
    sizes = counts.sum(axis=1)
    n, most = len(sizes), float(sizes @ sizes / sizes.sum())  # most: a value never changes within an entity
    held = counts[:, counts.any(axis=0)]
    df = held.shape[1] - 1
    if df < 1 or n < MIN_ENTITIES:
        return DesignEffect(most, most, 0.0, n)
    share, variance = _variances(held, sizes)
    scaled = variance / np.sqrt(np.outer(share, share))  # its eigenvalues are the design effects
    total = float(np.trace(scaled))
    squares = max(float(np.sum(scaled**2)) - total**2 / (n - 1), total**2 / df)  # less what few entities add by chance
    mean = found = total / df
    if ordered:
        share, variance = _variances(np.cumsum(held, axis=1)[:, :-1], sizes)
        found = max(found, float(np.trace(variance) / np.sum(share * (1 - share))))
    found *= (n - 1) / (n - 3)  # a variance from few entities is uncertain: the mean of F with n - 1 degrees of freedom
    spread = max(df * squares / total**2 - 1, 0.0)  # the squares are at least total**2 / df, up to rounding
    return DesignEffect(min(most, max(found, 1.0)), min(most, max(mean, 1.0)), spread, n)


def _variances(counts: Counts, sizes: Counts) -> tuple[Floats, Floats]:
    """Shares of sets of rows, and their covariances between entities as of single rows, shapes (n,) and (n, n).

    Parameters
    ----------
    counts : rows of each entity in each of n sets, shape (n_entities, n). sizes : of the entities.
    """
    n_rows, n = sizes.sum(), len(sizes)
    share: Floats = counts.sum(axis=0) / n_rows
    apart = counts - sizes[:, None] * share
    return share, apart.T @ apart * (n / (n - 1) / n_rows)
