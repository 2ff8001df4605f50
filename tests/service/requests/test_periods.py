"""Periods of reports: few enough that they can be shared."""

from __future__ import annotations

import numpy as np
import pytest

from service.requests.periods import rounded


@pytest.mark.parametrize(
    ("days", "kept"),
    [
        (7, 7), (366, 366), (0.5, 0.5), (1.001, 1), (1.0, 1), (6.999, 7), (1.06, 25 / 24),
        (1 / 24, 1 / 24), (0.02, 29 / 1_440), (1e-9, 1 / 1_440), (0, 0),
    ],
)  # fmt: skip
def test_a_period_is_rounded_to_the_hour_and_below_to_the_minute(days, kept):
    """Whole days and hours stay as they are; only 0 becomes 0."""
    assert rounded(days) == kept


def test_only_so_many_differ():
    """Of a hundred thousand between nothing and a week there remain those of its hours and of an hour's minutes."""
    assert len({rounded(days) for days in np.linspace(1e-6, 7, 100_000)}) <= 7 * 24 + 60
