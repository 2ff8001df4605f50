"""Skill: how much smaller the errors of a forecast are than those of the last value, on rows it had not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from models.arrays import Floats
from models.series.paths import NAIVE, SCALE
from models.series.settings import MEDIAN

Z = 1.959964
"""Of a 95 % interval."""


@dataclass(frozen=True)
class Skill:
    """1 - errors / errors of the last value, with its 95 % interval; 0 is no better, 1 perfect, NaN-free.

    Attributes
    ----------
    n_rows : that it was measured on; with fewer than two the interval is from -1 to 1.
    """

    stored_as: ClassVar[str] = "series_skill"
    stored_fields: ClassVar[Mapping[str, str]] = {"value": "float", "low": "float", "high": "float", "n_rows": "int"}
    value: float
    low: float
    high: float
    n_rows: int


def mean_errors(targets: Floats, middle: Floats, paths: Floats) -> Floats:
    """Mean absolute error of middles (n_rows, horizon) over the known steps, in usual steps, (n_rows,)."""
    n_steps = min(targets.shape[1], middle.shape[1])
    apart = np.abs(targets[:, :n_steps] - middle[:, :n_steps]) / paths[:, :n_steps, SCALE]
    means: Floats = np.nanmean(apart, axis=1)
    return means


def skill_of(targets: Floats, paths: Floats) -> Skill:
    """The skill on these rows; its standard error is that of a ratio of means (delta method).

    Rows are taken as independent: of few series, or of times that share a shock, the interval is too narrow.
    """
    ours, naive = (mean_errors(targets, paths[:, :, which], paths) for which in (MEDIAN, NAIVE))
    total, n = float(naive.sum()), len(naive)
    if n < 2 or total == 0:
        return Skill(0.0, -1.0, 1.0, n)
    ratio = float(ours.sum()) / total
    error = float(np.sqrt(np.square(ours - ratio * naive).sum() * n / (n - 1))) / total
    return Skill(1 - ratio, 1 - ratio - Z * error, 1 - ratio + Z * error, n)
