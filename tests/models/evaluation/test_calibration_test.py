"""Calibration within chance: against scikit-learn's regression, and on probabilities that are right or wrong."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from models.evaluation.calibration_test import calibration_test
from models.evaluation.metrics import calibration_error


def drawn(seed: int, n_rows: int = 3_000):
    rng = np.random.default_rng(seed)
    probabilities = rng.beta(1, 5, n_rows).clip(1e-4, 1 - 1e-4)
    return (rng.random(n_rows) < probabilities).astype(np.int64), probabilities


def test_slope_and_intercept_are_those_of_a_logistic_regression():
    labels, probabilities = drawn(0)
    z = logit(probabilities)[:, None]
    fitted = LogisticRegression(C=np.inf, tol=1e-10).fit(z, labels)

    found = calibration_test(labels, probabilities, seed=0)

    assert found.slope.value == pytest.approx(fitted.coef_[0, 0], abs=1e-3)
    # at the intercept, the mean of the shifted probabilities is the observed rate
    assert expit(z[:, 0] + found.intercept.value).mean() == pytest.approx(labels.mean(), abs=1e-6)


def test_what_chance_explains_is_calibrated_and_no_more():
    """Of right probabilities, 95 % of the tests hold; the gap's bound is passed by one in sixty."""
    tests = [calibration_test(*drawn(seed, 800), seed=0) for seed in range(300)]

    assert 0.92 <= np.mean([found.within_chance for found in tests]) <= 0.995
    gaps = [calibration_error(*drawn(seed, 800)) for seed in range(300)]
    assert np.mean([gap > found.gap_by_chance for gap, found in zip(gaps, tests, strict=True)]) < 0.05


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda z: 3 * z - 3.5, "slope"),
        (lambda z: z / 2, "slope"),
        (lambda z: z + 0.8, "intercept"),
        (lambda z: z - 0.8, "intercept"),
        (lambda z: z + 1.5 * np.cos(3 * z), "error over ten bins"),
    ],
    ids=["too extreme", "too timid", "too high", "too low", "waves"],
)
def test_each_way_to_be_wrong_is_found(change, words):
    """Also where the mean is right, as for log-odds times three."""
    labels, probabilities = drawn(1, 6_000)

    found = calibration_test(labels, expit(change(logit(probabilities))), seed=0)

    assert not found.within_chance
    assert found.problem(0.25) != ""
    if words != "error over ten bins":
        assert words in found.problem(0.25)


def test_what_is_off_by_little_is_within_the_tolerance_alone():
    labels, probabilities = drawn(2, 100_000)

    found = calibration_test(labels, expit(1.1 * logit(probabilities)), seed=0)

    assert not found.within_chance
    assert found.problem(0.25) == ""


def test_equal_probabilities_have_no_slope_and_separated_ones_a_wide_interval():
    labels = np.array([0, 1] * 30)

    assert calibration_test(labels, np.full(60, 0.5), seed=0).slope is None
    apart = calibration_test(labels, np.where(labels == 1, 0.9, 0.1), seed=0).slope
    assert apart.low < 1 < apart.high
