"""The Wasserstein distance and the Kolmogorov-Smirnov test against scipy's, which see every training value."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp, wasserstein_distance

from data.column import Column
from models.monitoring.drift.reference import column_reference
from models.monitoring.drift.wasserstein import distance_with_band, ks_p_value, scale_of

COLUMN = Column(name="x", kind="number")
RNG = np.random.default_rng(0)
SAMPLES = {
    "equal": (RNG.normal(0, 1, 20_000), RNG.normal(0, 1, 5_000)),
    "moved": (RNG.normal(0, 1, 20_000), RNG.normal(0.5, 1, 5_000)),
    "wider": (RNG.normal(0, 1, 20_000), RNG.normal(0, 2, 400)),
    "heavy tails": (RNG.lognormal(0, 1.5, 50_000), 1.3 * RNG.lognormal(0, 1.5, 3_000)),
    "counts": (RNG.poisson(3, 9_000).astype(float), RNG.poisson(4, 300).astype(float)),
    "half zeros": (np.where(RNG.random(9_000) < 0.5, 0, RNG.gamma(2, 100, 9_000)), RNG.gamma(2, 100, 900)),
    "two values": (np.array([0.0, 1.0] * 300), np.array([1.0] * 250)),
    "one value": (np.full(300, 7.0), np.full(250, 7.0)),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_distance_is_scipys(name):
    """Up to a hundredth of the scale, though of the training values only some are kept."""
    before, now = SAMPLES[name]
    reference = column_reference(COLUMN, pd.Series(before))
    found, low, high = distance_with_band(reference, now, n_resamples=50, seed=0)
    assert found == pytest.approx(wasserstein_distance(before, now) / scale_of(reference), abs=0.01)
    assert 0 <= low <= high


@pytest.mark.parametrize("name", SAMPLES)
def test_the_scale_is_the_interquartile_range_if_there_is_one(name):
    """Else the standard deviation, or 1 for what never varies."""
    before, _ = SAMPLES[name]
    quartiles = np.quantile(before, (0.25, 0.75), method="inverted_cdf")
    expected = np.diff(quartiles)[0] or before.std() or 1
    assert scale_of(column_reference(COLUMN, pd.Series(before))) == pytest.approx(expected, rel=0.02)


def test_without_quartiles_apart_the_standard_deviation_counts():
    """Of a number that is nearly always 0."""
    before = np.array([0.0] * 900 + [1.0] * 100)
    assert scale_of(column_reference(COLUMN, pd.Series(before))) == pytest.approx(before.std())


@pytest.mark.parametrize("name", SAMPLES)
def test_the_gap_is_never_overstated(name):
    """Scipy's p-value, which sees every training value, is never above by more than the formula's own error."""
    before, now = SAMPLES[name]
    found = ks_p_value(column_reference(COLUMN, pd.Series(before)), now)
    exact = ks_2samp(before, now, method="asymp").pvalue
    assert found >= exact - 0.05
    if exact < 1e-6:
        assert found < 1e-5  # and what is plain is found


def test_bands_hold_the_true_distance():
    """In about 9 of 10 samples of a number that has moved by a known way."""
    rng, inside = np.random.default_rng(2), []
    for seed in range(100):
        reference = column_reference(COLUMN, pd.Series(rng.normal(0, 1, 2_000)))
        _, low, high = distance_with_band(reference, rng.normal(0.6, 1, 500), n_resamples=100, seed=seed)
        inside.append(low <= 0.6 / scale_of(reference) <= high)
    assert 0.82 <= np.mean(inside) <= 0.97
