"""Intervals of rates: within 0..1 and around the rate, to the last digit."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from models.evaluation.intervals import wilson_interval


@given(st.integers(1, 10**7), st.data())
def test_an_interval_lies_within_0_and_1_and_holds_its_rate(n_rows: int, data: st.DataObject) -> None:
    """For every count, also none and all, whatever rounding does; scipy has the same ends."""
    n_events = data.draw(st.sampled_from([0, n_rows]) | st.integers(0, n_rows))
    rate = n_events / n_rows
    (low,), (high,) = wilson_interval(np.array([rate]), np.array([n_rows]))
    expected = binomtest(n_events, n_rows).proportion_ci(0.95, method="wilson")

    assert 0 <= low <= rate <= high <= 1
    np.testing.assert_allclose([low, high], [expected.low, expected.high], atol=1e-7)
