"""Calibration: probabilities that mean what they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from models.estimators.calibration import LogOddsCalibrator


def drawn(n_rows: int, slope: float, intercept: float) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds that are wrong by a known stretch and shift, with labels drawn from the true ones."""
    rng = np.random.default_rng(0)
    log_odds = rng.normal(-1, 2, n_rows)
    return log_odds, (rng.random(n_rows) < expit(slope * log_odds + intercept)).astype(np.int64)


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.5, 1.0), (2.0, -0.7)])
def test_the_known_stretch_and_shift_are_found(slope: float, intercept: float) -> None:
    """From 50,000 labels, within sampling error."""
    calibrator = LogOddsCalibrator().fit(*drawn(50_000, slope, intercept))
    assert calibrator.slope == pytest.approx(slope, abs=0.05)
    assert calibrator.intercept == pytest.approx(intercept, abs=0.05)


def test_many_labels_give_the_maximum_of_the_likelihood() -> None:
    """The prior is not felt: the same solution as scikit-learn's logistic regression without a penalty."""
    log_odds, labels = drawn(50_000, 0.6, 0.4)
    calibrator = LogOddsCalibrator().fit(log_odds, labels)
    reference = LogisticRegression(C=np.inf, tol=1e-10).fit(log_odds[:, None], labels)

    assert calibrator.slope == pytest.approx(reference.coef_[0, 0], abs=1e-3)
    assert calibrator.intercept == pytest.approx(reference.intercept_[0], abs=1e-3)


def test_few_labels_leave_the_network_alone() -> None:
    """Four perfectly separated labels do not make every answer certain."""
    calibrator = LogOddsCalibrator().fit(np.array([-1.0, -2.0, 1.0, 2.0]), np.array([0, 0, 1, 1]))
    assert 1 <= calibrator.slope < 2


def test_the_ranking_never_changes() -> None:
    """Even for labels that contradict the log-odds the slope stays positive."""
    log_odds, labels = drawn(5_000, 1.0, 0.0)
    calibrator = LogOddsCalibrator().fit(-log_odds, labels)
    assert calibrator.slope > 0
    assert np.all(np.diff(calibrator.log_odds(np.sort(log_odds))) > 0)
