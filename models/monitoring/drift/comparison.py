"""Comparison of one column with its reference: counts, effect sizes and p-value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from data.column import Column
from data.sentences import label
from models.arrays import Floats
from models.evaluation.bins import counts_in, is_missing
from models.evaluation.psi import Counts, expected_by_chance, psi, psi_with_band
from models.monitoring.drift.bins import LevelBins, NumberBins, bins_of
from models.monitoring.drift.distributions import ColumnReference, NumberReference
from models.monitoring.drift.entities import DesignEffect, Groups, as_independent, design_effect
from models.monitoring.drift.outside import outside_of
from models.monitoring.drift.recent_rows import Times
from models.monitoring.drift.results import Before, Effect, Outside, Period
from models.monitoring.drift.significance import clustered_p_value, homogeneity_p_value, joint_p_value
from models.monitoring.drift.wasserstein import distance_with_band, ks_p_value

MIN_ROWS = 200
"""Rows that both sides need. With fewer, the PSI of ten bins is 0.045 or more by chance alone, half of the watch
threshold, and a decile has fewer than 20 rows, too few to estimate a share."""
MIN_INDEPENDENT = 20
"""Independent rows that both sides must be worth. With fewer, the variance between entities is hardly known."""
N_RESAMPLES = 200
MAX_BY_DAY = timedelta(days=31)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Effects and p-values of a column; None if there are too few rows.

    Parameters
    ----------
    p : of all tests together, those of `outside` included.
    """

    psi: Effect | None = None
    wasserstein: Effect | None = None
    p: float | None = None
    outside: tuple[Outside, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Measurements of one column.

    Parameters
    ----------
    design_effect, reference_effect : of the recent and of the training rows, see `entities`.
    """

    column: Column
    label: str
    bins: NumberBins | LevelBins
    n_recent: int
    recent_counts: Counts
    design_effect: float
    reference_effect: float
    measured: Measured
    missing: Before
    unseen: float | None
    median: Before | None
    series: tuple[Period, ...]

    @property
    def n_reference(self) -> int:
        """Number of training rows."""
        return int(self.bins.counts.sum())


@dataclass(frozen=True, eq=False)
class _Recent:
    """Recent values of a column, their counts in its bins, and how they depend on each other."""

    values: pd.Series[Any]
    counts: Counts
    effect: DesignEffect
    entities: Sequence[Groups]


def compare(
    column: Column,
    reference: ColumnReference,
    recent: pd.Series[Any],
    times: Times,
    *,
    entities: Sequence[Groups] = (),
    seed: int,
) -> Comparison:
    """Compare recent values of a column with its reference.

    Parameters
    ----------
    recent : values from a checked frame, n_rows of them. times : of their requests, ascending.
    entities : groups of these rows, see `entities.groups_in`.
    seed : of the bootstrap and of permutations.
    """
    bins = bins_of(column, reference, recent)
    codes = bins.codes(recent)
    n_recent, counts = len(codes), counts_in(codes, len(bins.counts))
    effect = design_effect(codes, entities, ordered=column.kind == "number")
    kept = as_independent(bins.counts, reference.design_effect)
    worth = min(n_recent / effect.value, reference.n_rows / reference.design_effect)
    enough = min(n_recent, reference.n_rows) >= MIN_ROWS and worth >= MIN_INDEPENDENT
    recently = _Recent(recent, counts, effect, entities)
    return Comparison(
        column=column,
        label=label(column),
        bins=bins,
        n_recent=n_recent,
        recent_counts=counts,
        design_effect=effect.value,
        reference_effect=reference.design_effect,
        measured=_measured(column, reference, kept, recently, seed=seed) if enough else Measured(),
        missing=Before(
            reference=reference.n_missing / reference.n_rows if reference.n_rows else None,
            recent=float(counts[-1]) / n_recent if n_recent else None,
        ),
        unseen=bins.unseen_share(recent) if isinstance(bins, LevelBins) and n_recent else None,
        median=_medians(reference, _present(column, recent)) if isinstance(reference, NumberReference) else None,
        series=_series(as_independent(bins.counts, reference.design_effect), codes, times, effect.value)
        if n_recent
        else (),
    )


def _measured(column: Column, reference: ColumnReference, kept: Counts, recent: _Recent, *, seed: int) -> Measured:
    """All tests of a column with enough rows. `kept`: counts of the reference as of independent rows."""
    effect = recent.effect
    whole, distance = [_bins_p_value(reference, kept, recent, seed=seed)], None
    outside = outside_of(column, reference, recent.values, recent.entities, least_rows=MIN_ROWS)
    if isinstance(reference, NumberReference):
        present = _present(column, recent.values)
        if min(len(present), reference.n_present) >= MIN_ROWS:
            distance = _effect(
                distance_with_band(reference, present, n_resamples=N_RESAMPLES, seed=seed, effect=effect.value)
            )
            whole.append(ks_p_value(reference, present, effect=effect.value))
    counts = as_independent(recent.counts, effect.value)
    return Measured(
        psi=_effect(psi_with_band(kept, counts, n_resamples=N_RESAMPLES, seed=seed)),
        wasserstein=distance,
        p=joint_p_value(whole, [one.p for one in outside]),
        outside=outside,
    )


def _bins_p_value(reference: ColumnReference, kept: Counts, recent: _Recent, *, seed: int) -> float:
    """The p-value of the bins. `kept`: counts of the reference as of independent rows."""
    effect = recent.effect
    if effect.value == reference.design_effect == 1:
        return homogeneity_p_value(kept, recent.counts, seed=seed)
    spread = max(effect.spread, reference.effect_spread)
    return clustered_p_value(
        kept, as_independent(recent.counts, effect.mean), spread=spread, n_entities=effect.n_entities
    )


def _present(column: Column, values: pd.Series[Any]) -> Floats:
    return values[~is_missing(column, values)].to_numpy(np.float64)


def _effect(found: tuple[float, float, float]) -> Effect:
    value, low, high = found
    return Effect(value=value, low=low, high=high)


def _medians(reference: NumberReference, present: Floats) -> Before:
    """The lower medians, so that both are observed values."""
    return Before(
        reference=reference.quantile(0.5) if reference.n_present else None,
        recent=float(np.quantile(present, 0.5, method="inverted_cdf")) if len(present) else None,
    )


def _series(reference: Counts, codes: Counts, times: Times, effect: float) -> tuple[Period, ...]:
    """The PSI of every day, or of every week from the first day on if there are many days.

    Parameters
    ----------
    reference : counts as of independent rows. effect : the design effect of the recent rows.
    """
    days = times.astype("datetime64[D]")
    length = np.timedelta64(1 if days[-1] - days[0] < MAX_BY_DAY else 7, "D")
    places = ((days - days[0]) / length).astype(np.int64)
    n_bins = len(reference)
    of_periods = np.bincount(places * n_bins + codes, minlength=(places[-1] + 1) * n_bins).reshape(-1, n_bins)
    return tuple(
        Period(
            begins=(days[0] + place * length).item(), n_rows=int(counts.sum()), psi=_index(reference, counts, effect)
        )
        for place, counts in enumerate(of_periods)
    )


def _index(reference: Counts, recent: Counts, effect: float) -> float | None:
    if min(reference.sum(), recent.sum()) < MIN_ROWS:
        return None
    recent = as_independent(recent, effect)
    if min(reference.sum(), recent.sum()) < MIN_INDEPENDENT:
        return None
    held = reference + recent > 0
    reference, recent = reference[held], recent[held]
    return max(float(psi(reference, recent)) - expected_by_chance(reference, recent), 0.0)
