"""Comparison of one column with its reference: counts, effect sizes and p-value."""

from __future__ import annotations

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
from models.monitoring.drift.recent_rows import Times
from models.monitoring.drift.reference import ColumnReference, NumberReference
from models.monitoring.drift.results import Before, Effect, Period
from models.monitoring.drift.significance import homogeneity_p_value
from models.monitoring.drift.wasserstein import distance_with_band, ks_p_value

MIN_ROWS = 200
"""Rows that both sides need. With fewer, the PSI of ten bins is 0.045 or more by chance alone, half of the watch
threshold, and a decile has fewer than 20 rows, too few to estimate a share."""
N_RESAMPLES = 200
MAX_BY_DAY = timedelta(days=31)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Measurements of one column; the effects and `p` are None if there are too few rows."""

    column: Column
    label: str
    bins: NumberBins | LevelBins
    n_recent: int
    recent_counts: Counts
    psi: Effect | None
    wasserstein: Effect | None
    p: float | None
    missing: Before
    unseen: float | None
    median: Before | None
    series: tuple[Period, ...]

    @property
    def n_reference(self) -> int:
        """Number of training rows."""
        return int(self.bins.counts.sum())


def compare(
    column: Column, reference: ColumnReference, recent: pd.Series[Any], times: Times, *, seed: int
) -> Comparison:
    """Compare recent values of a column with its reference.

    Parameters
    ----------
    recent : values from a checked frame, n_rows of them. times : of their requests, ascending.
    seed : of the bootstrap and of permutations.
    """
    bins = bins_of(column, reference, recent)
    codes = bins.codes(recent)
    n_bins, n_recent = len(bins.counts), len(codes)
    counts = counts_in(codes, n_bins)
    enough = min(n_recent, reference.n_rows) >= MIN_ROWS
    p = homogeneity_p_value(bins.counts, counts, seed=seed) if enough else None
    distance = median = None
    if isinstance(reference, NumberReference):
        present = recent[~is_missing(column, recent)].to_numpy(np.float64)
        median = _medians(reference, present)
        if p is not None and min(len(present), reference.n_present) >= MIN_ROWS:
            distance = _effect(distance_with_band(reference, present, n_resamples=N_RESAMPLES, seed=seed))
            p = min(1.0, 2 * min(p, ks_p_value(reference, present)))  # Bonferroni
    return Comparison(
        column=column,
        label=label(column),
        bins=bins,
        n_recent=n_recent,
        recent_counts=counts,
        psi=_effect(psi_with_band(bins.counts, counts, n_resamples=N_RESAMPLES, seed=seed)) if enough else None,
        wasserstein=distance,
        p=p,
        missing=Before(
            reference=reference.n_missing / reference.n_rows if reference.n_rows else None,
            recent=float(counts[-1]) / n_recent if n_recent else None,
        ),
        unseen=bins.unseen_share(recent) if isinstance(bins, LevelBins) and n_recent else None,
        median=median,
        series=_series(bins.counts, codes, times) if n_recent else (),
    )


def _effect(found: tuple[float, float, float]) -> Effect:
    value, low, high = found
    return Effect(value=value, low=low, high=high)


def _medians(reference: NumberReference, present: Floats) -> Before:
    """The lower medians, so that both are observed values."""
    return Before(
        reference=reference.quantile(0.5) if reference.n_present else None,
        recent=float(np.quantile(present, 0.5, method="inverted_cdf")) if len(present) else None,
    )


def _series(reference: Counts, codes: Counts, times: Times) -> tuple[Period, ...]:
    """The PSI of every day, or of every week from the first day on if there are many days."""
    days = times.astype("datetime64[D]")
    length = np.timedelta64(1 if days[-1] - days[0] < MAX_BY_DAY else 7, "D")
    places = ((days - days[0]) / length).astype(np.int64)
    n_bins = len(reference)
    of_periods = np.bincount(places * n_bins + codes, minlength=(places[-1] + 1) * n_bins).reshape(-1, n_bins)
    return tuple(
        Period(begins=(days[0] + place * length).item(), n_rows=int(counts.sum()), psi=_index(reference, counts))
        for place, counts in enumerate(of_periods)
    )


def _index(reference: Counts, recent: Counts) -> float | None:
    if min(reference.sum(), recent.sum()) < MIN_ROWS:
        return None
    held = reference + recent > 0
    reference, recent = reference[held], recent[held]
    return max(float(psi(reference, recent)) - expected_by_chance(reference, recent), 0.0)
