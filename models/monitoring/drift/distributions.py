"""Distributions of the training rows' columns, as the reference keeps them."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from models.arrays import Floats

TAIL_SHARE = 0.001
"""Share of the training rows in either tail of a number, beyond its inner limit; the outer one is its extreme."""


class Kept(BaseModel):
    """What a reference keeps; numbers are finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class NumberReference(Kept):
    """The distribution of a number over the training rows.

    Parameters
    ----------
    n_missing : rows without a value, or with a code for "no value".
    values : some observed values, ascending. at_most : number of rows with at most that value.
    complete : whether these are all observed values.
    design_effect, effect_spread : see `entities.DesignEffect`; by default as of independent rows, for older bundles.
    tail_effect : the design effect of rows in either tail, see `TAIL_SHARE`.
    """

    kind: Literal["number"] = "number"
    n_missing: int
    values: tuple[float, ...]
    at_most: tuple[int, ...]
    complete: bool
    design_effect: float = Field(default=1.0, ge=1)
    effect_spread: float = Field(default=0.0, ge=0)
    tail_effect: float = Field(default=1.0, ge=1)

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


class LevelReference(Kept):
    """The distribution of a category or flag over the training rows.

    Parameters
    ----------
    levels : rows of each of the MAX_LEVELS most frequent levels, the most frequent first.
    n_other : rows with other levels.
    design_effect, effect_spread : see `entities.DesignEffect`; by default as of independent rows, for older bundles.
    n_single : rows whose level no other entity has; None without entities, and in older bundles.
    """

    kind: Literal["levels"] = "levels"
    n_missing: int
    levels: dict[str, int]
    n_other: int
    design_effect: float = Field(default=1.0, ge=1)
    effect_spread: float = Field(default=0.0, ge=0)
    n_single: int | None = None

    @property
    def n_rows(self) -> int:
        """All rows."""
        return sum(self.levels.values()) + self.n_other + self.n_missing

    @property
    def n_unrepeated(self) -> int:
        """Rows whose level no other entity has, or no other row."""
        return sum(count == 1 for count in self.levels.values()) if self.n_single is None else self.n_single

    @property
    def unseen_spread(self) -> float:
        """By how much the variance of the share of unseen levels, as estimated from such rows, exceeds a binomial one.

        Esty 1983, "A normal limit law for a nonparametric estimator of the coverage of a random sample".
        """
        n_twice = sum(count == 2 for count in self.levels.values())
        return 1 + 2 * n_twice / max(self.n_unrepeated, 1)


ColumnReference: TypeAlias = NumberReference | LevelReference
