"""Measures of paths, by hand and against figures that the M4 competition published."""

import os
from pathlib import Path

import numpy as np
import pytest

from models.evaluation.path_measures import coverage, interval_score, mase, msis, seasonal_steps, smape

WEEKLY = Path(os.environ.get("BACKSCORE_DATA_HOME", "none")) / "forecast" / "m4_weekly.parquet"


def test_by_hand():
    outcome, median = np.array([[10.0, 0.0]]), np.array([[30.0, 0.0]])
    assert smape(outcome, median) == 50
    unit = seasonal_steps([np.array([1.0, 3.0, 2.0, 8.0])], 2)
    assert unit.tolist() == [[3.0]]
    assert mase(outcome, median, unit) == pytest.approx(20 / 3 / 2)
    low, high = np.array([[0.0, 1.0]]), np.array([[8.0, 5.0]])
    assert interval_score(outcome, low, high, 0.1).tolist() == [[8 + 20 * 2, 4 + 20 * 1]]
    assert msis(outcome, low, high, unit, 0.1) == pytest.approx((48 + 24) / 2 / 3)
    assert coverage(outcome, low, high) == 0
    assert coverage(low, low, high) == 1


def test_a_history_without_change_has_no_unit():
    assert np.isnan(seasonal_steps([np.ones(9), np.ones(1)], 1)).all()
    unit = seasonal_steps([np.ones(9), np.arange(9.0)], 1)
    assert mase(np.ones((2, 1)), np.zeros((2, 1)), unit) == 1


@pytest.mark.skipif(not WEEKLY.exists(), reason="no public file")
def test_the_last_value_has_the_published_errors():
    """The competition's own figures of the naive forecast: sMAPE 9.161, MASE 2.777."""
    import pandas as pd

    frame = pd.read_parquet(WEEKLY).sort_values(["series", "t"])
    histories = [one.to_numpy(float) for _, one in frame[frame["split"] == "train"].groupby("series")["value"]]
    outcome = np.stack([one for _, one in frame[frame["split"] == "test"].groupby("series")["value"]]).astype(float)
    naive = np.repeat([[one[-1]] for one in histories], 13, axis=1)
    assert smape(outcome, naive) == pytest.approx(9.161, abs=5e-4)
    assert mase(outcome, naive, seasonal_steps(histories, 1)) == pytest.approx(2.777, abs=5e-4)
